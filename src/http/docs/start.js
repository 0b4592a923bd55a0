// Swagger UI for this server's own document; nothing is fetched from anywhere else (no validator badge).
import { leave } from "./bar.js";
import { permissions } from "./permissions.js";
import { adopt, forget, freshToken, subscribe, token } from "./session.js";

/** The security scheme of the document. */
const SCHEME = "bearer";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", colour);
colour();

/** What is tried out goes with a token that is still good. */
async function requestInterceptor(request) {
  if (token() && request.headers.Authorization === `Bearer ${token()}`) {
    const fresh = await freshToken();
    if (fresh) request.headers.Authorization = `Bearer ${fresh}`;
    else delete request.headers.Authorization;
  }
  return request;
}

/** What is tried out counts: whoever signs in or out there is signed in or out here. */
function responseInterceptor(response) {
  const { pathname } = new URL(response.url, location.href);
  if (response.ok && /\/auth\/(login|refresh)$/.test(pathname)) adopt(response.body);
  if (response.ok && pathname.endsWith("/auth/logout")) forget();
  if (response.body?.code === "invalid_token") forget(response.body);
  return response;
}

/** Requests go to where the page is from, whatever name of the server the document says. */
const sameOrigin = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec:
          (update) =>
          ({ servers, ...document }) =>
            update(document),
      },
    },
  },
};

/** To sign out in the dialogue "Authorize" is to sign out. */
const oneSignOut = {
  statePlugins: {
    auth: {
      wrapActions: {
        logoutWithPersistOption: (logout) => (names) => {
          leave();
          return logout(names);
        },
      },
    },
  },
};

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  docExpansion: "list",
  displayOperationId: false,
  tryItOutEnabled: true,
  requestInterceptor,
  responseInterceptor,
  plugins: [permissions, sameOrigin, oneSignOut],
  onComplete() {
    document.title = ui.specSelectors.info().get("title");
  },
});

subscribe(() => {
  if (token()) ui.preauthorizeApiKey(SCHEME, token());
  else ui.authActions.logout([SCHEME]);
});
