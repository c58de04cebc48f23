// Makes the console of Swagger UI and the description of the API, for the host that the page came from.
const place = document.querySelector('#console');
const base = new URL(place.dataset.base, location.href).href.replace(/\/$/, '');
const dark = matchMedia('(prefers-color-scheme: dark)');

function followColourScheme() {
  document.documentElement.classList.toggle('dark-mode', dark.matches);
}

async function showConsole() {
  const response = await fetch(`${base}/openapi.json`);
  if (!response.ok) throw new Error(response.status);
  const description = JSON.parse((await response.text()).replaceAll(place.dataset.issuer, base));
  const ui = SwaggerUIBundle({
    spec: description,
    domNode: place,
    layout: 'BaseLayout', // StandaloneLayout has inline styles, which the policy forbids
    presets: [SwaggerUIBundle.presets.apis],
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: -1,
    validatorUrl: null,
    oauth2RedirectUrl: `${base}/reference/try/oauth2-redirect.html`,
  });
  ui.initOAuth({clientId: place.dataset.client, scopes: 'read', usePkceWithAuthorizationCodeGrant: true});
}

dark.addEventListener('change', followColourScheme);
followColourScheme();
showConsole().catch(error => { place.textContent = `${place.dataset.failed} (${error.message})`; });
