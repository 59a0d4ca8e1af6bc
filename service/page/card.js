// One picture: asked about, and shown with its answer or with what is wrong with it.

import { explain } from "./api.js";
import { ClassRows } from "./class_rows.js";
import { classOfFolders } from "./folders.js";
import { isCut } from "./heatmap.js";
import { opacity } from "./opacity.js";
import { download, pngName, pngOf } from "./saving.js";
import { Stage } from "./stage.js";
import { percent, plainName, sentence, strongestPlace } from "./words.js";

const template = document.getElementById("card");

export class Card {
  /** The card's element, for the list. */
  element = template.content.firstElementChild.cloneNode(true);
  /** `waiting`, `asking`, `answered`, `refused` or `cancelled`. */
  state = "";
  /** The picture's folders and name as it was brought. */
  path;
  #file;
  #desk;
  #inside = this.element.firstElementChild;
  #stage;
  #abort = new AbortController();
  #answer = null;
  #heatmaps = new Map();
  #chosen = "";
  #truth;
  #saving = new AbortController();
  #rows;
  #retry = () => this.#desk.ask(this);

  /**
   * @param brought { file, path }: the picture.
   * @param desk what a card needs of the page: `ask(card)`, `remove(card)`, `open(card)`,
   *   `settled(card)`, `say(text)`, `model()` for the request, `chosen()` for what is known of it,
   *   `answered(tag)` to learn of a model that is new.
   */
  constructor({ file, path }, desk) {
    this.#file = file;
    this.path = path;
    this.#desk = desk;
    this.#stage = new Stage(this.#find("frame"), this.name);
    this.#rows = new ClassRows(this.#find("rows"), this.#find("more"), (name) => this.#choose(name));
    this.#find("name").textContent = this.name;
    this.#find("name").title = this.name;
    this.#find("remove").setAttribute("aria-label", `Remove ${this.name}`);
    this.#find("save").setAttribute("aria-label", `Save PNG of ${this.name}`);
    this.#find("open").setAttribute("aria-label", `Show ${this.name} large`);
    this.#find("remove").addEventListener("click", () => desk.remove(this));
    this.#find("again").addEventListener("click", () => this.#retry());
    this.#find("save").addEventListener("click", () => this.#save());
    this.#find("open").addEventListener("click", () => desk.open(this));
    this.wait();
  }

  /** What the picture is called. */
  get name() {
    return plainName(this.path) || "picture without a name";
  }

  /** What the service said of the picture; null where it has not. */
  get answer() {
    return this.state === "answered" ? this.#answer : null;
  }

  /** Whether there may be an answer in a moment. */
  get isPending() {
    return this.state === "waiting" || this.state === "asking";
  }

  /** Whether the answer is the class that a folder is called like; undefined where none is. */
  get isRight() {
    return this.#truth && this.answer ? this.#truth === this.#answer.label : undefined;
  }

  /** Why there is no answer; "" where there is one. */
  get problem() {
    return this.answer ? "" : this.#find("problem-words").textContent;
  }

  /** The outcome in a sentence, for those who do not see the card. */
  get outcome() {
    if (!this.answer) return `${this.name}: ${this.problem || this.#find("state").textContent}`;
    return `${this.name}: ${this.#answer.label}, ${percent(this.#answer.probability)}`;
  }

  /** Forgets the answer: the card is about to be asked again. */
  wait() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#answer = null;
    this.#heatmaps.clear();
    this.#keepPlace();
    this.#setState("waiting", "Waiting");
  }

  /** Asks the service; ends when there is an answer or a reason why there is none. */
  async run() {
    this.#retry = () => this.#desk.ask(this);
    this.#setState("asking", "Asking …");
    const pictured = this.#stage.show(this.#file);
    const isCurrent = await this.#attempt(async (signal) => {
      const answer = await this.#explain(undefined, signal);
      await pictured;
      await this.#show(answer, signal);
      this.#setState("answered", "");
    });
    if (isCurrent) this.#desk.settled(this);
  }

  /** Ends what is going on for this card. */
  cancel() {
    this.#abort.abort();
    if (this.state === "waiting") this.#showProblem("Cancelled.", true, "cancelled");
  }

  /** Shows all of the card in another element, with its picture in full, until `comeBack`. */
  goTo(place) {
    this.element.style.minHeight = `${this.element.offsetHeight}px`; // so that the list stays
    place.replaceChildren(this.#inside);
    this.#stage.enlarge(this.#file);
  }

  /** Back to the list. */
  comeBack() {
    this.element.append(this.#inside);
    this.element.style.minHeight = "";
    this.#stage.reduce();
  }

  /** Gives the focus to what opens the picture. */
  focus() {
    this.#find("open").focus();
  }

  /** Gives back what the browser keeps for the card. */
  close() {
    this.#abort.abort();
    this.#saving.abort();
    this.element.remove();
    this.#stage.close();
  }

  #find(name) {
    return this.#inside.getElementsByClassName(name)[0];
  }

  #setState(state, words) {
    this.state = this.element.dataset.state = state;
    this.#inside.setAttribute("aria-busy", this.isPending);
    this.#find("state").textContent = words;
    this.#find("problem").hidden = true;
    this.#find("answer").hidden = state === "refused" || state === "cancelled";
    if (state !== "answered") this.#stage.hideHeatmap();
  }

  /** Lays the card out, unseen, as its answer will be, so that nothing moves when that comes. */
  #keepPlace() {
    const model = this.#desk.chosen();
    this.#rows.keepPlace(model?.classes.length ?? 1);
    this.#find("label").textContent = "\u00A0";
    this.#find("percent").textContent = "";
    this.#find("truth").hidden = true;
    this.#note([]);
    this.#find("by-tag").textContent = model?.model ?? "";
  }

  /** Does something that may fail or be cancelled; false where something newer took its place. */
  async #attempt(work) {
    const { signal } = this.#abort;
    try {
      await work(signal);
    } catch (error) {
      if (signal !== this.#abort.signal) return false;
      if (signal.aborted) this.#showProblem("Cancelled.", true, "cancelled");
      else this.#showProblem(error.message, error.mayRetry ?? true, "refused");
    }
    return true;
  }

  #showProblem(words, mayRetry, state) {
    if (this.state !== "answered") this.#setState(state, "");
    this.#find("problem-words").textContent = sentence(words);
    this.#find("again").hidden = !mayRetry;
    this.#find("problem").hidden = false;
  }

  async #explain(className, signal) {
    const onWait = () => {
      this.#find("state").textContent = "The service is busy; asking again in a moment …";
    };
    const response = await explain(this.#file, this.#question(className, "raw"), { signal, onWait });
    return response.json();
  }

  #question(className, style) {
    return { model: this.#desk.model(), className, style };
  }

  async #show(answer, signal) {
    if (this.#answer?.model !== answer.model) {
      this.#heatmaps.clear();
      this.#rows.fill(answer.probabilities, answer.label);
    }
    this.#answer = answer;
    this.#chosen = answer.class;
    this.#heatmaps.set(answer.class, answer);
    this.#rows.choose(answer.class);
    this.#find("label").textContent = answer.label;
    this.#find("percent").textContent = percent(answer.probability);
    this.#find("by-tag").textContent = answer.model;
    this.#showTruth(answer);
    this.#desk.answered(answer.model);
    if (this.#stage.isAsTheServiceSeesIt(answer)) this.#showHeatmap(answer);
    else await this.#showServicesPicture(answer, signal);
  }

  /** What the folders say, if anything. */
  #showTruth({ label, probabilities }) {
    const truth = (this.#truth = classOfFolders(this.path, Object.keys(probabilities)));
    const line = this.#find("truth");
    line.hidden = truth === undefined;
    line.classList.toggle("is-wrong", truth !== label);
    line.textContent = truth === label ? "Right, as its folder says" : `Wrong: its folder says \u2068${truth}\u2069`;
  }

  #showHeatmap(answer) {
    this.#stage.showHeatmap(answer);
    this.#note(
      answer.warnings,
      strongestPlace(answer.heatmap) ? "" : `Nothing in this picture speaks for ${answer.class}.`,
      isCut(answer) ? "What is grey was not shown to the network." : "",
    );
  }

  async #showServicesPicture(answer, signal) {
    const response = await explain(this.#file, this.#question(answer.class, "overlay"), { signal });
    await this.#stage.showServices(await response.blob());
    this.#note(
      answer.warnings,
      "This browser shows such files differently or not at all: this is the service's picture, " +
        "which the slider does not change.",
    );
  }

  #note(warnings = [], ...sentences) {
    const strong = warnings.map((text) => {
      const element = document.createElement("strong");
      element.className = "warning";
      element.textContent = `${sentence(text)} `;
      return element;
    });
    this.#find("note").replaceChildren(...strong, sentences.filter(Boolean).join(" "));
  }

  async #choose(className) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#retry = () => this.#choose(className);
    this.#chosen = className;
    this.#find("problem").hidden = true;
    this.#rows.choose(className);
    await this.#attempt(async (signal) => {
      const known = this.#heatmaps.get(className);
      await this.#show(known ?? (await this.#explain(className, signal)), signal);
      this.#desk.say(this.#stage.words);
    });
  }

  async #save() {
    const save = this.#find("save");
    const { signal } = this.#saving;
    save.disabled = true;
    this.#find("problem").hidden = true;
    try {
      const [className, strength] = [this.#chosen, opacity()];
      download(await this.#png(className, strength, signal), pngName(this.#file.name, className));
    } catch (error) {
      if (!signal.aborted) {
        this.#retry = () => this.#save();
        this.#showProblem(error.message, error.mayRetry ?? true, "refused");
      }
    }
    save.disabled = false;
  }

  /** What is seen: drawn here as the page shows it, or by the service where its picture is shown. */
  async #png(className, strength, signal) {
    const answer = this.#heatmaps.get(className) ?? (await this.#explain(className, signal));
    if (this.#stage.isAsTheServiceSeesIt(answer)) return pngOf(this.#file, answer, strength);
    const response = await explain(this.#file, this.#question(className, "overlay"), { signal });
    return response.blob();
  }
}
