// One picture: asked about, and shown with its answer or with what is wrong with it.

import { explain } from "./api.js";
import { CardView } from "./card_view.js";
import { classOfFolders } from "./folders.js";
import { isCut } from "./heatmap.js";
import { opacity } from "./opacity.js";
import { download, pngName, pngOf } from "./saving.js";
import { couldBe, decided, percent, plainName, sentence, strongestPlace } from "./words.js";

export class Card {
  /** `waiting`, `asking`, `answered`, `refused` or `cancelled`. */
  state = "";
  /** The picture's folders and name as it was brought. */
  path;
  /** The picture. */
  file;
  #desk;
  #view;
  #abort = new AbortController();
  #answer = null;
  #truth = null;
  #heatmaps = new Map();
  #chosen = "";
  #method = "gradcam";
  #saving = new AbortController();
  #retry;

  /**
   * @param brought { file, path }: the picture.
   * @param desk what a card needs of the page: `ask(card)`, `remove(card)`, `open(card)`,
   *   `settled(card)`, `say(text)`, `model()` for the request, `chosen()` for what is known of it,
   *   `answered(tag)` to learn of a model that is new, `names()` that were given to pictures,
   *   `corrected()` when a person has said what a picture is.
   */
  constructor({ file, path }, desk) {
    this.file = file;
    this.path = path;
    this.#desk = desk;
    this.#view = new CardView(this.name, {
      remove: () => desk.remove(this),
      open: () => desk.open(this),
      again: () => this.#retry(),
      save: () => this.#save(),
      choose: (className) => this.#choose(className),
      explainBy: (method) => this.#explainBy(method),
      names: () => [...new Set([...Object.keys(this.#answer?.probabilities ?? {}), ...desk.names()])],
      said: () => desk.corrected(),
    });
    this.wait();
  }

  /** The card's element, for the list. */
  get element() {
    return this.#view.element;
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

  /** Whether the answer is the class that a folder is called like; null where none is. */
  get isRight() {
    return this.#truth !== null && this.answer ? this.#truth === this.#answer.label : null;
  }

  /** What a person says that it is: a name, "" for none of the classes; null where nobody has. */
  get correction() {
    return this.#view.correction.label;
  }

  /** Why there is no answer; "" where there is one. */
  get problem() {
    return this.answer ? "" : this.#view.words;
  }

  /** The outcome in a sentence, for those who do not see the card. */
  get outcome() {
    return `${this.name}: ${this.answer ? saidOf(this.answer) : this.problem}`;
  }

  /** Forgets the answer: the card is about to be asked again. */
  wait() {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#answer = null;
    this.#heatmaps.clear();
    this.#view.keepPlace(this.#desk.chosen());
    this.#setState("waiting", "Waiting");
  }

  /** Asks the service; ends when there is an answer or a reason why there is none. */
  async run() {
    this.#retry = () => this.#desk.ask(this);
    this.#setState("asking", "Asking …");
    const pictured = this.#view.stage.show(this.file);
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
    this.#view.goTo(place, this.file);
  }

  /** Back to the list. */
  comeBack() {
    this.#view.comeBack();
  }

  /** Gives the focus to what opens the picture. */
  focus() {
    this.#view.focus();
  }

  /** Gives back what the browser keeps for the card. */
  close() {
    this.#abort.abort();
    this.#saving.abort();
    this.#view.close();
  }

  #setState(state, words) {
    this.state = state;
    this.#view.setState(state, words);
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
    this.#view.showProblem(words, mayRetry);
  }

  async #explain(className, signal) {
    const onWait = () => this.#view.say("The service is busy; asking again in a moment …");
    const response = await explain(this.file, this.#question(className, "raw"), { signal, onWait });
    return response.json();
  }

  #question(className, style) {
    return { model: this.#desk.model(), className, style, method: this.#method };
  }

  async #show(answer, signal) {
    if (this.#answer?.model !== answer.model) {
      this.#heatmaps.clear();
      this.#truth = classOfFolders(this.path, Object.keys(answer.probabilities));
      this.#view.showAnswer(answer, this.#truth);
    }
    this.#answer = answer;
    this.#view.correction.offer();
    this.#chosen = answer.class;
    this.#heatmaps.set(`${answer.method} ${answer.class}`, answer);
    this.#view.choose(answer.class);
    this.#desk.answered(answer.model);
    if (this.#view.stage.isAsTheServiceSeesIt(answer)) this.#showHeatmap(answer);
    else await this.#showServicesPicture(answer, signal);
  }

  #showHeatmap(answer) {
    this.#view.stage.showHeatmap(answer);
    this.#view.note(
      otherWarnings(answer),
      strongestPlace(answer) ? "" : `Nothing in this picture speaks for ${answer.class}.`,
      isCut(answer) ? "What is grey was not shown to the network." : "",
      answer.map_doubt && sentence(answer.map_doubt),
    );
  }

  async #showServicesPicture(answer, signal) {
    await this.#view.stage.showServices(await this.#servicesPng(answer.class, signal));
    this.#view.note(
      otherWarnings(answer),
      "This browser shows such files differently or not at all: this is the service's picture, " +
        "which the slider does not change.",
    );
  }

  async #servicesPng(className, signal) {
    const response = await explain(this.file, this.#question(className, "overlay"), { signal });
    return response.blob();
  }

  async #choose(className) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#retry = () => this.#choose(className);
    this.#chosen = className;
    this.#view.hideProblem();
    this.#view.choose(className);
    await this.#attempt(async (signal) => {
      const known = this.#heatmaps.get(`${this.#method} ${className}`);
      await this.#show(known ?? (await this.#explain(className, signal)), signal);
      this.#desk.settled(this);
      this.#desk.say(this.#view.stage.words);
    });
  }

  /** Shows where it looked, found out in another way. */
  #explainBy(method) {
    this.#method = method;
    return this.#choose(this.#chosen);
  }

  async #save() {
    const { signal } = this.#saving;
    this.#view.allowSaving(false);
    this.#view.hideProblem();
    try {
      const [className, strength] = [this.#chosen, opacity()];
      download(await this.#png(className, strength, signal), pngName(this.file.name, className));
    } catch (error) {
      if (!signal.aborted) {
        this.#retry = () => this.#save();
        this.#showProblem(error.message, error.mayRetry ?? true, "refused");
      }
    }
    this.#view.allowSaving(true);
  }

  /** What is seen: drawn here as the page shows it, or by the service where its picture is shown. */
  async #png(className, strength, signal) {
    const answer = this.#heatmaps.get(`${this.#method} ${className}`) ?? (await this.#explain(className, signal));
    const isOurs = this.#view.stage.isAsTheServiceSeesIt(answer);
    return isOurs ? pngOf(this.file, answer, strength) : this.#servicesPng(className, signal);
  }
}

/** An answer in words, what speaks against it before how probable it is. */
function saidOf({ label, probability, familiar, prediction_set: set, decision }) {
  const stranger = familiar ? "" : "unlike anything it learned from";
  const others = couldBe(set.filter((name) => name !== label));
  return [stranger, decided(decision), label, others, percent(probability)].filter(Boolean).join(", ");
}

/** All but that it is a stranger, which stands above the label. */
function otherWarnings({ familiar, warnings }) {
  return familiar ? warnings : warnings.slice(1);
}
