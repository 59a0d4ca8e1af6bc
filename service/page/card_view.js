// What is seen of one picture's card, and nothing that asks the service.

import { ClassRows } from "./class_rows.js";
import { Correction } from "./correction.js";
import { Stage } from "./stage.js";
import { couldBe, decided, percent, sentence } from "./words.js";

const template = document.getElementById("card");

export class CardView {
  /** The card, for the list. */
  element = template.content.firstElementChild.cloneNode(true);
  /** The picture with its heatmap. */
  stage;
  /** What a person says that the picture is. */
  correction;
  #inside = this.element.firstElementChild;
  #rows;

  /**
   * @param name what the picture is called.
   * @param actions `remove()`, `again()`, `save()`, `open()`; `choose(name)` with a class's name;
   *   `explainBy(method)` with how it is to be found out where the network looked;
   *   `names()` of classes that it could be; `said()` when a person has said what it is.
   */
  constructor(name, actions) {
    this.stage = new Stage(this.#find("frame"), name);
    this.#rows = new ClassRows(this.#find("rows"), this.#find("more"), actions.choose);
    this.correction = new Correction(this.#find("correction"), name, actions.names, actions.said);
    this.#find("name").textContent = this.#find("name").title = name;
    this.#find("method").addEventListener("change", (event) => actions.explainBy(event.target.value));
    const buttons = { remove: `Remove ${name}`, save: `Save PNG of ${name}`, open: `Show ${name} large`, again: "" };
    for (const [button, words] of Object.entries(buttons)) {
      if (words) this.#find(button).setAttribute("aria-label", words);
      this.#find(button).addEventListener("click", () => actions[button]());
    }
  }

  /** What is being done, or what is wrong. */
  get words() {
    return this.#find("problem").hidden
      ? this.#find("state").textContent
      : this.#find("problem-words").textContent;
  }

  setState(state, words) {
    this.element.dataset.state = state;
    this.#inside.setAttribute("aria-busy", state === "waiting" || state === "asking");
    this.say(words);
    this.hideProblem();
    this.#find("answer").hidden = state === "refused" || state === "cancelled";
    if (state !== "answered") this.stage.hideHeatmap();
  }

  /** Says what is being done. */
  say(words) {
    this.#find("state").textContent = words;
  }

  showProblem(words, mayRetry) {
    this.#find("problem-words").textContent = sentence(words);
    this.#find("again").hidden = !mayRetry;
    this.#find("problem").hidden = false;
  }

  hideProblem() {
    this.#find("problem").hidden = true;
  }

  /** Lays the card out, unseen, as its answer will be, so that nothing moves when that comes. */
  keepPlace(model) {
    this.#rows.keepPlace(model?.classes.length ?? 1);
    this.#find("label").textContent = "\u00A0";
    this.#find("percent").textContent = "";
    for (const line of ["truth", "stranger", "decision", "could-be"]) this.#find(line).hidden = true;
    this.note([]);
    this.#find("by-tag").textContent = model?.model ?? "";
  }

  /** Shows an answer of a model that has not answered before. */
  showAnswer({ model, label, probability, probabilities, familiar, prediction_set: set, decision }, truth) {
    this.#rows.fill(probabilities, label);
    this.#find("label").textContent = label;
    this.#find("percent").textContent = percent(probability);
    this.#find("stranger").hidden = familiar;
    this.#find("decision").textContent = decided(decision);
    this.#find("decision").hidden = !decision;
    this.#find("could-be").textContent = couldBe(set.filter((name) => name !== label));
    this.#find("could-be").hidden = set.length < 2;
    this.#find("by-tag").textContent = model;
    const line = this.#find("truth");
    line.hidden = truth === null;
    line.classList.toggle("is-wrong", truth !== label);
    line.textContent = truth === label ? "Right, as its folder says" : `Wrong: its folder says \u2068${truth}\u2069`;
  }

  /** Marks the class whose heatmap is shown. */
  choose(className) {
    this.#rows.choose(className);
  }

  /** Remarks on the answer, warnings before others. */
  note(warnings = [], ...sentences) {
    const strong = warnings.map((text) => {
      const element = document.createElement("strong");
      element.className = "warning";
      element.textContent = `${sentence(text)} `;
      return element;
    });
    this.#find("note").replaceChildren(...strong, sentences.filter(Boolean).join(" "));
  }

  /** Says whether the picture can be saved now. */
  allowSaving(isAllowed) {
    this.#find("save").disabled = !isAllowed;
  }

  /** Shows all of the card in another element, with its picture in full, until `comeBack`. */
  goTo(place, file) {
    this.element.style.minHeight = `${this.element.offsetHeight}px`; // so that the list stays
    place.replaceChildren(this.#inside);
    this.stage.enlarge(file);
  }

  /** Back to the list. */
  comeBack() {
    this.element.append(this.#inside);
    this.element.style.minHeight = "";
    this.stage.reduce();
  }

  focus() {
    this.#find("open").focus();
  }

  close() {
    this.element.remove();
    this.stage.close();
  }

  #find(name) {
    return this.#inside.getElementsByClassName(name)[0];
  }
}
