// One picture: asked about, and shown with its answer or with what is wrong with it.

import { explain } from "./api.js";
import { ClassRows } from "./class_rows.js";
import { STRONGEST, cutOut, drawHeatmap, place } from "./heatmap.js";
import { preview } from "./preview.js";
import { accuracySentence, percent, plainName, sentence, strongestPlace } from "./words.js";

const template = document.getElementById("card");

export class Card {
  /** The card's element, for the list. */
  element = template.content.firstElementChild.cloneNode(true);
  /** `waiting`, `asking`, `answered`, `refused` or `cancelled`. */
  state = "";
  #file;
  #desk;
  #abort = new AbortController();
  #preview = null;
  #answer = null;
  #heatmaps = new Map();
  #chosen = "";
  #saving = new AbortController();
  #rows;
  #retry = () => this.#desk.ask(this);

  /**
   * @param file the picture.
   * @param desk what a card needs of the page: `ask(card)`, `remove(card)`, `settled(card)`,
   *   `say(text)`, `model()` for the request, `chosen()` and `describe(tag)` for what is known of it.
   */
  constructor(file, desk) {
    this.#file = file;
    this.#desk = desk;
    this.#rows = new ClassRows(this.#find("rows"), this.#find("more"), (name) => this.#choose(name));
    this.#find("name").textContent = this.name;
    this.#find("name").title = this.name;
    this.#find("remove").setAttribute("aria-label", `Remove ${this.name}`);
    this.#find("save").setAttribute("aria-label", `Save PNG of ${this.name}`);
    this.#find("picture").alt = this.name;
    this.#find("remove").addEventListener("click", () => desk.remove(this));
    this.#find("again").addEventListener("click", () => this.#retry());
    this.#find("save").addEventListener("click", () => this.#save());
    const slider = this.#slider;
    slider.value = STRONGEST * 100;
    slider.addEventListener("input", () => this.#setOpacity());
    this.#setOpacity();
    this.wait();
  }

  /** What the picture is called. */
  get name() {
    return plainName(this.#file.name) || "picture without a name";
  }

  /** The outcome in a sentence, for those who do not see the card. */
  get outcome() {
    if (this.state !== "answered") return `${this.name}: ${this.#find("problem-words").textContent}`;
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
    const previewed = this.#showPreview();
    const isCurrent = await this.#attempt(async (signal) => {
      const answer = await this.#explain(undefined, signal);
      await previewed;
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

  /** Gives back what the browser keeps for the card. */
  close() {
    this.#abort.abort();
    this.#saving.abort();
    this.element.remove();
    if (this.#preview) URL.revokeObjectURL(this.#preview.url);
    this.#preview = null;
  }

  get #slider() {
    return this.element.querySelector("input[type=range]");
  }

  #find(name) {
    return this.element.getElementsByClassName(name)[0];
  }

  #setState(state, words) {
    this.state = this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", state === "waiting" || state === "asking");
    this.#find("state").textContent = words;
    this.#find("problem").hidden = true;
    this.#find("answer").hidden = state === "refused" || state === "cancelled";
    if (state !== "answered") this.#hideHeatmap();
  }

  /** Lays the card out, unseen, as its answer will be, so that nothing moves when that comes. */
  #keepPlace() {
    const model = this.#desk.chosen();
    this.#rows.keepPlace(model?.classes.length ?? 1);
    this.#find("label").textContent = "\u00A0";
    this.#find("percent").textContent = "";
    this.#note("");
    this.#find("opacity").hidden = false;
    if (model) this.#showModel(model.model, model);
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

  async #showPreview() {
    if (this.#preview) return;
    const made = await preview(this.#file);
    if (made) this.#showPicture(made);
    else this.#find("no-preview").hidden = false;
  }

  #showPicture(made) {
    if (!this.element.isConnected) {
      URL.revokeObjectURL(made.url);
      return;
    }
    if (this.#preview) URL.revokeObjectURL(this.#preview.url);
    this.#preview = made;
    this.#find("stage").style.setProperty("--ratio", made.width / made.height);
    this.#find("picture").src = made.url;
    this.#find("stage").hidden = false;
    this.#find("no-preview").hidden = true;
  }

  async #explain(className, signal) {
    const question = { model: this.#desk.model(), className, style: "raw" };
    const onWait = () => {
      this.#find("state").textContent = "The service is busy; asking again in a moment …";
    };
    const response = await explain(this.#file, question, { signal, onWait });
    return response.json();
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
    this.#showModel(answer.model, await this.#desk.describe(answer.model));
    if (this.#isAsTheServiceSeesIt(answer)) this.#showHeatmap(answer);
    else await this.#showServicesPicture(answer, signal);
  }

  #showModel(tag, model) {
    this.#find("by-tag").textContent = tag;
    this.#find("by-accuracy").textContent = model ? ` was ${accuracySentence(model)}.` : "";
  }

  /** Whether this browser reads and turns the picture as the service does. */
  #isAsTheServiceSeesIt({ width, height }) {
    const shown = this.#preview;
    return shown !== null && !shown.isServices && shown.width === width && shown.height === height;
  }

  #showHeatmap(answer) {
    const { width, height, box, heatmap } = answer;
    const [heat, unseen] = [this.#find("heat"), this.#find("unseen")];
    drawHeatmap(heat, heatmap, box);
    place(heat, box, width, height);
    cutOut(unseen, box, width, height);
    const strongest = strongestPlace(heatmap);
    const words = strongest
      ? `Heatmap for ${answer.class}: strongest ${strongest}`
      : `Heatmap for ${answer.class}: empty`;
    heat.setAttribute("aria-label", words);
    heat.hidden = false;
    const isCut = (box[2] - box[0]) * (box[3] - box[1]) < 0.99 * width * height;
    unseen.hidden = !isCut;
    this.#find("opacity").hidden = false;
    this.#note(
      ...answer.warnings.map(sentence),
      strongest ? "" : `Nothing in this picture speaks for ${answer.class}.`,
      isCut ? "What is grey was not shown to the network." : "",
    );
  }

  #hideHeatmap() {
    this.#find("heat").hidden = true;
    this.#find("unseen").hidden = true;
  }

  async #showServicesPicture(answer, signal) {
    this.#hideHeatmap();
    const question = { model: this.#desk.model(), className: answer.class, style: "overlay" };
    const response = await explain(this.#file, question, { signal });
    const made = await preview(await response.blob());
    if (made) this.#showPicture({ ...made, isServices: true });
    this.#find("opacity").hidden = true;
    this.#note(
      ...answer.warnings.map(sentence),
      "This browser shows such files differently or not at all: this is the service's picture.",
    );
  }

  #note(...sentences) {
    this.#find("note").textContent = sentences.filter(Boolean).join(" ");
  }

  #setOpacity() {
    const { value } = this.#slider;
    this.#find("heat").style.opacity = value / 100;
    this.element.querySelector("output").textContent = `${value}%`;
    this.#slider.setAttribute("aria-valuetext", `${value}%`);
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
      this.#desk.say(this.#find("heat").getAttribute("aria-label") ?? "");
    });
  }

  async #save() {
    const save = this.#find("save");
    const { signal } = this.#saving;
    save.disabled = true;
    this.#find("problem").hidden = true;
    try {
      const question = { model: this.#desk.model(), className: this.#chosen, style: "overlay" };
      const response = await explain(this.#file, question, { signal });
      download(await response.blob(), nameOf(response));
    } catch (error) {
      if (!signal.aborted) {
        this.#retry = () => this.#save();
        this.#showProblem(error.message, error.mayRetry ?? true, "refused");
      }
    }
    save.disabled = false;
  }
}

/** The file name that the service gives its picture. */
function nameOf(response) {
  const header = response.headers.get("Content-Disposition") ?? "";
  const encoded = /filename\*=UTF-8''([^;]+)/u.exec(header);
  return encoded ? decodeURIComponent(encoded[1]) : "overlay.png";
}

function download(blob, fileName) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  // The download has its own hold on the bytes once it has begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
