// A picture from the camera: live where the browser allows it, else as the phone's own camera app.

const find = (id) => document.getElementById(id);

const REASONS = {
  NotAllowedError: "The camera was not allowed. Browsers ask once and remember: look beside the address.",
  NotFoundError: "There is no camera.",
  NotReadableError: "The camera is in use by another program.",
};

let stream = null;

/** Wires the buttons; calls back with each picture taken. */
export function offerCamera(onFile) {
  const dialog = find("camera");
  find("take").addEventListener("click", () => open(dialog));
  find("camera-shoot").addEventListener("click", async () => {
    const file = await shoot(find("camera-view"));
    dialog.close();
    onFile(file);
  });
  find("camera-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
}

/** Only a secure context (https, or this machine) has the camera itself. */
async function open(dialog) {
  if (!navigator.mediaDevices?.getUserMedia) {
    find("capture").click();
    return;
  }
  find("camera-problem").hidden = true;
  find("camera-shoot").disabled = true;
  dialog.showModal();
  try {
    const wanted = { video: { facingMode: "environment", width: { ideal: 1920 } }, audio: false };
    const started = await navigator.mediaDevices.getUserMedia(wanted);
    stream = started;
    if (!dialog.open) {
      stop();
      return;
    }
    find("camera-view").srcObject = started;
    await find("camera-view").play();
    find("camera-shoot").disabled = false;
    find("camera-shoot").focus();
  } catch (error) {
    find("camera-problem").textContent = REASONS[error.name] ?? `The camera did not start (${error.name}).`;
    find("camera-problem").hidden = !dialog.open;
  }
}

async function shoot(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  const time = new Date().toLocaleTimeString("en-GB").replaceAll(":", ".");
  return new File([blob], `camera ${time}.jpg`, { type: "image/jpeg" });
}

function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  find("camera-view").srcObject = null;
}
