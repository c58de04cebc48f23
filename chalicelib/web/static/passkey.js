// Lets the browser make a passkey or sign with one, and sends what comes of it with the form around it.
const form = document.querySelector('form[data-options]');

async function ask(options) {
  return form.dataset.deed === 'create'
    ? navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
    : navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
}

form.addEventListener('submit', async event => {
  event.preventDefault();
  try {
    const credential = await ask(JSON.parse(form.dataset.options));
    form.querySelector('input[name=credential]').value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (error) {
    form.querySelector('output').textContent = form.dataset.failed.replace('{reason}', error.name);
  }
});
