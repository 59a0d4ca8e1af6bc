// The page: pictures come in, each gets a card, few are asked about at a time.

import { offerCamera } from "./camera.js";
import { Card } from "./card.js";
import { chosenModel, describedModel, loadModels, modelParameter, onModelChosen } from "./models.js";
import { Queue } from "./queue.js";
import { listen } from "./sources.js";
import { count } from "./words.js";

const PARALLEL = 3;

const find = (id) => document.getElementById(id);

const cards = new Set();
const queue = new Queue(PARALLEL, showProgress);

const desk = {
  ask: (card) => askAbout([card]),
  remove: removeCard,
  settled: (card) => {
    if (cards.size === 1 && cards.has(card)) say(card.outcome);
  },
  say,
  model: modelParameter,
  chosen: chosenModel,
  describe: describedModel,
};

/** Says something to those who listen to the page. */
function say(text) {
  find("status").textContent = text;
}

function addFiles(files) {
  find("message").textContent = "";
  const added = files.map((file) => new Card(file, desk));
  find("pictures").prepend(...added.map((card) => card.element));
  for (const card of added) cards.add(card);
  say(`${count(added.length, "picture")} added.`);
  showWhetherEmpty();
  queue.add(added);
}

function askAbout(some) {
  for (const card of some) card.wait();
  queue.add(some);
}

function askAgain() {
  queue.cancel();
  askAbout([...cards]);
}

function removeCard(card) {
  const next = card.element.nextElementSibling ?? card.element.previousElementSibling;
  queue.drop(card);
  card.close();
  cards.delete(card);
  showWhetherEmpty();
  say(`${card.name} removed.`);
  (next?.querySelector(".remove") ?? find("choose")).focus();
}

function removeAll() {
  queue.cancel();
  for (const card of cards) card.close();
  cards.clear();
  showWhetherEmpty();
  say("All pictures removed.");
  find("choose").focus();
}

function showWhetherEmpty() {
  document.body.classList.toggle("has-pictures", cards.size > 0);
  find("add-side").hidden = cards.size < 2;
}

function showProgress({ done, total, isIdle }) {
  find("progress").hidden = isIdle || total < 2;
  find("progress-words").textContent = `${done} of ${total}`;
  find("progress-bar").max = Math.max(total, 1);
  find("progress-bar").value = done;
  if (isIdle && total > 1) say(summary());
}

function summary() {
  const states = [...cards].map((card) => card.state);
  const of = (state) => states.filter((each) => each === state).length;
  const refused = of("refused") ? `, ${of("refused")} could not be` : "";
  const cancelled = of("cancelled") ? `, ${of("cancelled")} cancelled` : "";
  return `${count(of("answered"), "picture")} answered${refused}${cancelled}.`;
}

async function start() {
  try {
    await loadModels();
  } catch (error) {
    find("lead").textContent = error.message;
  }
}

listen(addFiles, (sentence) => { find("message").textContent = sentence; });
offerCamera((file) => addFiles([file]));
onModelChosen(askAgain);
find("cancel").addEventListener("click", () => queue.cancel());
find("remove-all").addEventListener("click", removeAll);
start();
