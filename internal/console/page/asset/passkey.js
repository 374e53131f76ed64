// Passkeys are the one thing on these pages that needs script: WebAuthn is an interface of scripts. Everything else is forms.
// A form with data-passkey asks for options where data-options says, lets the browser do the ceremony, puts what it answers into the
// form's hidden inputs and sends the form like any other. Nothing is written into the document as markup.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// decode makes buffers of what JSON carries as base64url (WebAuthn Level 3, 5.1.8 and 5.1.9, for browsers without them).
function decode(options) {
  const o = { ...options, challenge: bytes(options.challenge) };
  if (o.user) o.user = { ...o.user, id: bytes(o.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (o[list]) o[list] = o[list].map((c) => ({ ...c, id: bytes(c.id) }));
  }
  return o;
}

// encode is the credential as JSON (WebAuthn Level 3, 5.1, toJSON).
function encode(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = text(credential.response[part]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment, clientExtensionResults: credential.getClientExtensionResults(),
  };
}

async function ceremony(form) {
  const answer = await fetch(form.dataset.options, {
    method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: form.dataset.body || null,
  });
  const told = await answer.json();
  if (answer.status === 403 && told.code === "step_up_required") {
    location.reload(); // too long on this page: the page itself asks for a fresh proof
    return false;
  }
  if (!answer.ok) throw new Error(told.code);
  const publicKey = decode(told.options.publicKey || told.options);
  const credential = form.dataset.passkey === "create" ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
  form.elements.attempt.value = told.attempt || "";
  form.elements.response.value = JSON.stringify(encode(credential));
  return true;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  for (const other of document.querySelectorAll("[data-without-passkey]")) other.hidden = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    button.disabled = true;
    try {
      if (await ceremony(form)) form.submit();
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
