"""The only place that builds answers: each function presents a model or value as a type of api/answers. One module per resource.

own_data builds what users download of themselves, which has no types.
"""
