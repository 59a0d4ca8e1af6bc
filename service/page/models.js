// What is served: said in words, and chosen where there are several.

import { servedModels } from "./api.js";
import { classesSentence, count, exactPercent, pointSentence } from "./words.js";

const find = (id) => document.getElementById(id);

let models = [];
let asked = null;

/** Asks what is served and shows it. Rejects with a `Refusal`. */
export async function loadModels() {
  models = await servedModels();
  const chosen = chosenModel();
  fillChooser(chosen);
  describe(chosen);
}

/** The model for `?model=`; undefined where there is nothing to choose. */
export function modelParameter() {
  return models.length > 1 ? find("model").value : undefined;
}

/** What is known of the model that is asked; undefined before that is known. */
export function chosenModel() {
  const { value } = find("model");
  return models.find((model) => reference(model) === value)
    ?? models.find((model) => model.is_default)
    ?? models[0];
}

/** Says anew what is served, once for each model that answered and was not known. */
export async function knowModel(tag) {
  if (models.some((model) => model.model === tag)) return;
  asked ??= loadModels().catch(() => {}).finally(() => { asked = null; });
  await asked;
}

/** Calls back when another model has been chosen. */
export function onModelChosen(callback) {
  find("model").addEventListener("change", () => {
    describe(chosenModel());
    callback();
  });
}

/** By its name a model follows the store; several versions of one name need their tags. */
function reference(model) {
  const namesakes = models.filter(({ name }) => name === model.name);
  return namesakes.length > 1 ? model.model : model.name;
}

function fillChooser(chosen) {
  const options = models.map((model) => {
    const text = `${reference(model)} (${exactPercent(model.accuracy)})`;
    return new Option(text, reference(model), model.is_default, model === chosen);
  });
  find("model").replaceChildren(...options);
  find("chooser").hidden = models.length < 2;
}

function describe(model) {
  const lead = find("lead");
  const name = document.createElement("b");
  name.textContent = model.name;
  const tested = model.judged_by === "cross-validation" ? "it was tested with" : "kept aside to test it";
  const rest = ` ${classesSentence(model.classes)}. Of the pictures ${tested}, ` +
    `${exactPercent(model.accuracy)} came out right.`;
  lead.replaceChildren(name, rest);
  describeFigures(model);
  describePoint(model.operating_point);
  describeClasses(model.classes);
  find("about").hidden = false;
}

function describeFigures(model) {
  const [low, high] = model.accuracy_interval;
  find("accuracy").textContent = exactPercent(model.accuracy);
  find("accuracy-note").textContent =
    `95% interval ${exactPercent(low)} to ${exactPercent(high)}, ` +
    judgedOn(model);
  find("interval").querySelector(".interval-band").style.left = `${low * 100}%`;
  find("interval").querySelector(".interval-band").style.width = `${(high - low) * 100}%`;
  find("interval").querySelector(".interval-mark").style.left = `${model.accuracy * 100}%`;
  find("learned").textContent = count(model.trained_on, "picture");
  const older = model.is_newest ? "" : ", not the newest in the store";
  find("learned-note").textContent =
    `on ${day(model.created)}; version ${model.model.split(":").at(-1)}${older}`;
  find("network").textContent = model.backbone;
  find("network-note").textContent =
    `sees ${model.framing === "squash" ? "the whole picture" : "the middle of the picture"} at ` +
    `${model.input_width} × ${model.input_height} pixels; runs on ${model.provider.toUpperCase()}; ` +
    `its weights: ${model.licence}`;
}

function describePoint(point) {
  find("point").hidden = !point;
  find("point-label").textContent = point?.label ?? "";
  find("point-note").textContent = point ? pointSentence(point) : "";
}

function judgedOn(model) {
  const pictures = count(model.held_out, "picture");
  return model.judged_by === "cross-validation"
    ? `by cross-validation over all ${pictures}: each was judged by what had not seen it`
    : `on ${pictures} it had not seen`;
}

function describeClasses(classes) {
  const details = find("all-classes");
  details.hidden = classes.length <= 6;
  details.querySelector("summary").textContent = `All ${classes.length} classes`;
  details.querySelector("ul").replaceChildren(...classes.map((name) => {
    const item = document.createElement("li");
    item.dir = "auto";
    item.textContent = name;
    return item;
  }));
}

function day(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
}
