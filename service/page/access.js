// The API key, where the service wants one: asked for when it does, kept in this tab only.

import { remember, remembered } from "./tab.js";

const STORED = "train-transfer-key";

const form = document.getElementById("key-form");
const field = document.getElementById("key");
const why = document.getElementById("key-why");

let key = remembered(STORED);
let waiting = [];

/** The key to send; "" where there is none. */
export function currentKey() {
  return key;
}

/**
 * Waits until there is another key than the one that was refused.
 *
 * @param refused the key that the request had; "" where it had none.
 * @param signal ends the waiting.
 */
export function keyWanted(refused, signal) {
  if (key !== refused) return Promise.resolve();
  if (form.hidden) show(refused);
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function show(refused) {
  why.textContent = refused
    ? "That key was not accepted."
    : "This service answers only with a key. Whoever runs it can give you one.";
  form.hidden = false;
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  key = field.value.trim();
  field.value = "";
  form.hidden = true;
  document.getElementById("choose").focus();
  remember(STORED, key);
  const asked = waiting;
  waiting = [];
  for (const resolve of asked) resolve();
});
