// Passkeys: takes the options from the form, asks the authenticator, and sends its answer with the form.
// JSON shapes: WebAuthn 3, 5.1.8 and 5.1.9, converted here because some browsers and password managers lack
// the methods that would.

let pending = new AbortController();

for (const form of document.querySelectorAll('form[data-passkey]')) prepare(form);

function prepare(form) {
  if (!window.PublicKeyCredential) {
    say(form, form.dataset.unsupported);
    return;
  }
  form.querySelector('button[type="submit"]').hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    press(form);
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) setBusy(form, false);
  });
  if ('autofill' in form.dataset) offerAutofill(form);
}

async function press(form) {
  if (isBusy(form)) return;
  pending.abort();
  pending = new AbortController();
  setBusy(form, true);
  say(form, form.dataset.waiting);
  await run(form, { signal: pending.signal });
}

// Passkeys among the suggestions of the username field; quiet until one is chosen.
async function offerAutofill(form) {
  const available = await window.PublicKeyCredential.isConditionalMediationAvailable?.();
  if (available && !isBusy(form)) {
    await run(form, { signal: pending.signal, mediation: 'conditional' });
  }
}

async function run(form, request) {
  try {
    const credential = await ask(form, request);
    form.elements.namedItem('response').value = JSON.stringify(toJson(credential));
    setBusy(form, true);
    say(form, form.dataset.checking);
    form.submit();
  } catch (error) {
    if (request.signal.aborted) return;
    setBusy(form, false);
    if (request.mediation !== 'conditional') say(form, form.dataset[messageFor(error)]);
  }
}

async function ask(form, request) {
  const publicKey = fromJson(JSON.parse(form.dataset.options));
  const credential =
    form.dataset.passkey === 'create'
      ? await navigator.credentials.create({ ...request, publicKey })
      : await navigator.credentials.get({ ...request, publicKey });
  if (!credential) throw new DOMException('no credential', 'NotAllowedError');
  return credential;
}

function messageFor(error) {
  if (error.name === 'NotAllowedError') return 'cancelled';
  if (error.name === 'InvalidStateError') return 'registered';
  return error.name === 'NotSupportedError' ? 'unsupported' : 'failed';
}

function say(form, text) {
  form.querySelector('[data-status]').textContent = text;
}

function isBusy(form) {
  return form.getAttribute('aria-busy') === 'true';
}

function setBusy(form, busy) {
  form.setAttribute('aria-busy', String(busy));
  form.querySelector('button[type="submit"]').disabled = busy;
}

function fromJson(options) {
  const descriptors = (list) => list?.map((item) => ({ ...item, id: toBytes(item.id) }));
  return {
    ...options,
    challenge: toBytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: toBytes(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: descriptors(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: descriptors(options.excludeCredentials) }),
  };
}

function toJson(credential) {
  const { id, rawId, type, response, authenticatorAttachment } = credential;
  return {
    id,
    rawId: toText(rawId),
    type,
    ...(authenticatorAttachment && { authenticatorAttachment }),
    clientExtensionResults: credential.getClientExtensionResults(),
    response: response.attestationObject ? attestation(response) : assertion(response),
  };
}

function attestation(response) {
  return {
    clientDataJSON: toText(response.clientDataJSON),
    attestationObject: toText(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  };
}

function assertion(response) {
  return {
    clientDataJSON: toText(response.clientDataJSON),
    authenticatorData: toText(response.authenticatorData),
    signature: toText(response.signature),
    ...(response.userHandle && { userHandle: toText(response.userHandle) }),
  };
}

function toBytes(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function toText(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
