// Asks the service. Whatever goes wrong comes out as a `Refusal` with a sentence, or as an abort.

import { currentKey, keyWanted } from "./access.js";
import { sentence } from "./words.js";

const MOST_ATTEMPTS = 8;
const LONGEST_WAIT = 15;

/** Why there is no answer; the message is a sentence for people. */
export class Refusal extends Error {
  /**
   * @param text what is wrong.
   * @param mayRetry whether the same request may be answered later.
   */
  constructor(text, mayRetry) {
    super(sentence(text));
    this.mayRetry = mayRetry;
  }
}

/** What is served: the list of GET /models. */
export async function servedModels(signal) {
  const response = await ask("models", { signal });
  return (await response.json()).models;
}

/**
 * POST /explain.
 *
 * @param file the picture.
 * @param question { model, className, style, method }; without a model the default answers, without a
 *   class the predicted one is explained.
 * @param options { signal, onWait }; `onWait` is called when the service is busy.
 * @returns the response: JSON for the style `raw`, else a PNG.
 */
export function explain(file, { model, className, style, method }, options) {
  const form = new FormData();
  form.append("image", file, file.name || "picture");
  form.append("style", style);
  form.append("method", method);
  if (className !== undefined) form.append("class", className);
  const path = model ? `explain?model=${encodeURIComponent(model)}` : "explain";
  return ask(path, { method: "POST", body: form, file, ...options });
}

async function ask(path, { signal, onWait, file, ...init }) {
  for (let attempt = 1; ; attempt += 1) {
    const key = currentKey();
    const response = await send(path, key, { signal, ...init }, file);
    if (response.ok) return response;
    const wait = Number(response.headers.get("Retry-After"));
    if (response.status === 503 && wait > 0 && attempt < MOST_ATTEMPTS) {
      onWait?.();
      await pause(longer(wait, attempt), signal);
    } else if (response.status === 401) {
      await keyWanted(key, signal);
    } else {
      throw new Refusal(await reason(response), response.status >= 500);
    }
  }
}

async function send(path, key, init, file) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  try {
    return await fetch(path, { headers, ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw await whyUnsent(file);
  }
}

/** A browser does not say why nothing came back: it may have been the file. */
async function whyUnsent(file) {
  try {
    await file?.slice(0, 1).arrayBuffer();
  } catch {
    return new Refusal("this file cannot be read any more; it was moved or changed", false);
  }
  return new Refusal("there is no answer: the service cannot be reached, or did not take it", true);
}

async function reason(response) {
  try {
    const { error } = await response.json();
    if (typeof error === "string" && error) return error;
  } catch {
    // Not ours: whatever stands between the page and the service.
  }
  return `the service answered ${response.status} and gave no reason`;
}

/** Longer with each attempt, and not at the same moment as others that were turned away. */
function longer(seconds, attempt) {
  return Math.min(seconds * 2 ** (attempt - 1), LONGEST_WAIT) * (1 + Math.random() / 2);
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
