// From a file to a small picture that a card can show. The file itself stays on disk: hundreds of
// photographs, decoded, would fill a tab's memory.

const LONGEST_SIDE = 1000;
const QUALITY = 0.9;

// A photograph takes a few hundred megabytes while it is decoded: one at a time.
let lane = Promise.resolve();

/**
 * A small upright copy of a picture, transparent parts on white as the network sees them.
 *
 * @param blob a picture in any format that this browser reads.
 * @returns { url, width, height }, the size being the original's; null where the browser does
 *   not show it as the service sees it. Whoever gets it revokes the url.
 */
export function preview(blob) {
  const made = lane.then(() => shrink(blob)).catch(() => null);
  lane = made;
  return made;
}

async function shrink(blob) {
  if (await isTurnedDifferently(blob)) return null;
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  try {
    const { width, height } = bitmap;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return { url: URL.createObjectURL(await encoded(canvas)), width, height };
  } finally {
    bitmap.close();
  }
}

/**
 * Whether the service would turn this picture and a browser might not: a WebP file that says in its
 * header (VP8X, flag 0x08) that it has EXIF data. Chromium turns JPEG and PNG, and not these.
 */
async function isTurnedDifferently(blob) {
  const header = new Uint8Array(await blob.slice(0, 21).arrayBuffer());
  const text = String.fromCodePoint(...header);
  return text.startsWith("WEBPVP8X", 8) && (header[20] & 0x08) !== 0;
}

async function encoded(canvas) {
  const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!small) throw new Error("the browser encodes no picture of this size");
  return small;
}
