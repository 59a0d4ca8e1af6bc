// From a file to a small picture that a card can show.
// The file itself stays on disk: hundreds of photographs, decoded, would fill a tab's memory.

const LONGEST_SIDE = 1000;
const QUALITY = 0.9;

// A photograph takes a few hundred megabytes while it is decoded: one at a time.
let lane = Promise.resolve();

/**
 * Decodes a picture upright, hands it on, and gives the memory back; one picture at a time.
 *
 * @param blob a picture in any format that this browser reads.
 * @param use gets the bitmap; its promise is awaited.
 * @returns what `use` gives.
 */
export function withBitmap(blob, use) {
  const used = lane.then(async () => {
    const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
    try {
      return await use(bitmap);
    } finally {
      bitmap.close();
    }
  });
  lane = used.catch(() => {});
  return used;
}

/** A canvas with a scaled picture, transparent parts on white as the network sees them. */
export function onWhite(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * A small upright copy of a picture.
 *
 * @returns { url, width, height }, the size being the original's; null where the browser does
 *   not show it as the service sees it. Whoever gets it revokes the url.
 */
export async function preview(blob) {
  try {
    return (await isReadDifferently(blob)) ? null : await withBitmap(blob, shrink);
  } catch {
    return null;
  }
}

async function shrink(bitmap) {
  const { width, height } = bitmap;
  const canvas = onWhite(bitmap, Math.min(1, LONGEST_SIDE / Math.max(width, height)));
  return { url: URL.createObjectURL(await encoded(canvas)), width, height };
}

/**
 * Whether the service may see another picture than a browser: a WebP file that says in its header
 * (VP8X, flag 0x08) that it has EXIF data, for Chromium turns JPEG and PNG, and not these; a grey
 * PNG of 16 bits, for X-rays fill a part of that range and are black to a browser.
 */
async function isReadDifferently(blob) {
  const header = new Uint8Array(await blob.slice(0, 26).arrayBuffer());
  const text = String.fromCodePoint(...header);
  if (text.startsWith("WEBPVP8X", 8)) return (header[20] & 0x08) !== 0;
  return text.startsWith("PNG\r\n", 1) && header[24] === 16 && header[25] === 0;
}

async function encoded(canvas) {
  const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!small) throw new Error("the browser encodes no picture of this size");
  return small;
}
