/* Passkeys. Browsers speak bytes, the server base64url: this translates both ways. Without it the page says so. */
(function () {
  "use strict";

  function toBytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (c) { return c.charCodeAt(0); });
  }
  function toText(bytes) {
    var plain = "";
    new Uint8Array(bytes).forEach(function (b) { plain += String.fromCharCode(b); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function withBytes(list) {
    return (list || []).map(function (key) { return Object.assign({}, key, { id: toBytes(key.id) }); });
  }
  // What the server asks, as the browser wants it (WebAuthn Level 2, 5.4 and 5.5).
  function asked(options) {
    var wanted = Object.assign({}, options.publicKey, { challenge: toBytes(options.publicKey.challenge) });
    if (wanted.user) wanted.user = Object.assign({}, wanted.user, { id: toBytes(wanted.user.id) });
    if (wanted.excludeCredentials) wanted.excludeCredentials = withBytes(wanted.excludeCredentials);
    if (wanted.allowCredentials) wanted.allowCredentials = withBytes(wanted.allowCredentials);
    return { publicKey: wanted };
  }
  // What the device answered, as the server wants it.
  function answered(credential) {
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    });
    return {
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment || undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: response
    };
  }
  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    var button = form.querySelector("button[type=button]"), problem = form.querySelector("[data-passkey-problem]");
    if (!window.PublicKeyCredential) return;
    form.querySelector("[data-passkey-missing]").hidden = true;
    button.hidden = false;
    button.addEventListener("click", function () {
      var data = JSON.parse(form.querySelector("#passkey-data").textContent), making = form.dataset.passkey === "create";
      problem.hidden = true;
      button.disabled = true;
      var asking = making
        ? navigator.credentials.create(asked(data.creation_options))
        : navigator.credentials.get(asked(data.request_options));
      asking.then(function (credential) {
        form.elements.credential.value = JSON.stringify(answered(credential));
        form.submit();
      }).catch(function () {
        button.disabled = false;
        problem.hidden = false;
      });
    });
  });
})();
