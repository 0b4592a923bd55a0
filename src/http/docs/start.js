// The document is this server's own; nothing is fetched from anywhere else (no validator badge).
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  docExpansion: "list",
  displayOperationId: false,
  tryItOutEnabled: true,
  onComplete() {
    document.title = window.ui.specSelectors.info().get("title");
  },
});
