// What is seen of a picture as a PNG to keep: in the picture's own size, under a name.

import { Refusal } from "./api.js";
import { drawHeatmap, isCut } from "./heatmap.js";
import { onWhite, withBitmap } from "./preview.js";

// Browsers on phones have no canvas of more than 16 megapixels.
const MOST_PIXELS = [2 ** 25, 2 ** 24];
const LONGEST_SIDE = 16_000;
const LONGEST_PART = 80;

/**
 * A picture with its heatmap as it is seen.
 *
 * @param file the picture.
 * @param answer of the service: `heatmap`, `box`, `width` and `height`.
 * @param opacity of the heatmap's brightest place, in [0, 1].
 * @returns a PNG of the picture's own size, or of 16 or 32 megapixels where that is more.
 */
export async function pngOf(file, answer, opacity) {
  for (const most of MOST_PIXELS) {
    const png = await withBitmap(file, (bitmap) => compose(bitmap, answer, opacity, most)).catch(() => {
      throw new Refusal("this file cannot be read any more; it was moved or changed", false);
    });
    if (png) return png;
  }
  throw new Refusal("this browser draws no picture of this size", false);
}

/** Lets the browser save a file. */
export function download(blob, fileName) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  // The download has its own hold on the bytes once it has begun.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** What a picture's PNG is called, as the service has it: `cat.12-cat-overlay.png`. */
export function pngName(fileName, className) {
  const last = fileName.split(/[/\\]/u).at(-1);
  const dot = last.lastIndexOf(".");
  const stem = dot > 0 ? last.slice(0, dot) : last;
  return `${[stem, className, "overlay"].map((part) => plain(part)).filter(Boolean).join("-")}.png`;
}

/** Letters, digits, marks and `._-` of any script; nothing that a file system minds. */
export function plain(name) {
  const kept = name.replaceAll(/[^\p{L}\p{N}\p{M}.-]+/gu, "_").replaceAll(/_+/gu, "_");
  return [...kept.replaceAll(/^[._-]+|[._-]+$/gu, "")].slice(0, LONGEST_PART).join("");
}

function compose(bitmap, answer, opacity, most) {
  const { width, height } = bitmap;
  const scale = Math.min(1, Math.sqrt(most / (width * height)), LONGEST_SIDE / Math.max(width, height));
  const canvas = onWhite(bitmap, scale);
  const context = canvas.getContext("2d");
  const [left, top, right, bottom] = answer.box.map((edge) => Math.round(edge * scale));
  const box = [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  if (isCut(answer)) {
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.rect(0, 0, canvas.width, canvas.height);
    context.rect(...box);
    context.fill("evenodd");
    context.globalCompositeOperation = "source-over";
  }
  const heat = document.createElement("canvas");
  drawHeatmap(heat, answer);
  context.globalAlpha = opacity;
  context.drawImage(heat, ...box);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
