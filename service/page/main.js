// The page: pictures come in, each gets a card, few are asked about at a time.

import { offerCamera } from "./camera.js";
import { Card } from "./card.js";
import { Gallery } from "./gallery.js";
import { sayInLarge, showLarge } from "./large.js";
import { chosenModel, knowModel, loadModels, modelParameter, onModelChosen } from "./models.js";
import { Queue } from "./queue.js";
import { listen } from "./sources.js";
import { count } from "./words.js";

const PARALLEL = 3;

const find = (id) => document.getElementById(id);

const gallery = new Gallery(say);
const queue = new Queue(PARALLEL, showProgress);

const desk = {
  ask: (card) => askAbout([card]),
  remove: removeCard,
  open: (card) => showLarge(card, gallery.shown),
  settled: (card) => {
    gallery.refresh();
    if (gallery.cards.length === 1 && gallery.cards[0] === card) say(card.outcome);
  },
  say,
  model: modelParameter,
  chosen: chosenModel,
  answered: knowModel,
  names: () => gallery.names,
  corrected: () => gallery.tellCorrections(),
};

/** Says something to those who listen to the page. */
function say(text) {
  if (!sayInLarge(text)) find("status").textContent = text;
}

function addFiles(brought) {
  find("message").textContent = "";
  const added = brought.map((each) => new Card(each, desk));
  gallery.add(added);
  say(`${count(added.length, "picture")} added.`);
  queue.add(added);
}

function askAbout(some) {
  for (const card of some) card.wait();
  gallery.refresh();
  queue.add(some);
}

function askAgain() {
  queue.cancel();
  gallery.showAll();
  askAbout(gallery.cards);
}

function removeCard(card) {
  const { shown } = gallery;
  const index = shown.indexOf(card);
  const next = shown[index + 1] ?? shown[index - 1];
  queue.drop(card);
  gallery.remove([card]);
  say(`${card.name} removed.`);
  (next?.element.querySelector(".remove") ?? find("choose")).focus();
}

function removeAll() {
  queue.cancel();
  gallery.remove(gallery.cards);
  say("All pictures removed.");
  find("choose").focus();
}

function showProgress({ done, total, isIdle }) {
  find("progress").hidden = isIdle || total < 2;
  find("progress-words").textContent = `${done} of ${total}`;
  find("progress-bar").max = Math.max(total, 1);
  find("progress-bar").value = done;
  if (!isIdle) return;
  gallery.refresh();
  if (total > 1) say(summary());
}

function summary() {
  const states = gallery.cards.map((card) => card.state);
  const of = (state) => states.filter((each) => each === state).length;
  const refused = of("refused") ? `, ${of("refused")} could not be` : "";
  const cancelled = of("cancelled") ? `, ${of("cancelled")} cancelled` : "";
  return `${count(of("answered"), "picture")} answered${refused}${cancelled}. ${gallery.standing}`.trim();
}

async function start() {
  try {
    await loadModels();
  } catch (error) {
    find("lead").textContent = error.message;
  }
}

listen(addFiles, (sentence) => { find("message").textContent = sentence; });
offerCamera((file) => addFiles([{ file, path: file.name }]));
onModelChosen(askAgain);
find("cancel").addEventListener("click", () => queue.cancel());
find("remove-all").addEventListener("click", removeAll);
start();
