// The API key, where the service wants one: asked for when it does, kept in this tab only.

const STORED = "train-transfer-key";

const form = document.getElementById("key-form");
const field = document.getElementById("key");
const why = document.getElementById("key-why");

let key = stored();
let waiting = [];

/** The key to send; "" where there is none. */
export function currentKey() {
  return key;
}

/**
 * Waits until there is another key than the one that was refused.
 *
 * @param refused the key that the request had.
 * @param sentence why it was refused, in the service's words.
 * @param signal ends the waiting.
 */
export function keyWanted(refused, sentence, signal) {
  if (key !== refused) return Promise.resolve();
  if (form.hidden) show(refused, sentence);
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function show(refused, sentence) {
  why.textContent = refused ? `That key was refused: ${sentence}` : `This service wants a key: ${sentence}`;
  form.hidden = false;
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  key = field.value.trim();
  field.value = "";
  form.hidden = true;
  document.getElementById("choose").focus();
  store(key);
  const asked = waiting;
  waiting = [];
  for (const resolve of asked) resolve();
});

// A browser that keeps nothing throws.
function stored() {
  try {
    return sessionStorage.getItem(STORED) ?? "";
  } catch {
    return "";
  }
}

function store(value) {
  try {
    sessionStorage.setItem(STORED, value);
  } catch {
    // Then it is kept until the page is left.
  }
}
