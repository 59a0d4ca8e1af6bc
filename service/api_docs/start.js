"use strict";

// Addresses are relative, so that the page works behind a proxy under any prefix.
SwaggerUIBundle({
  url: "docs.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null, // else a badge would be asked of a server elsewhere
});
