// The photo page: classify, attack, download, test what survives.

import { Cards } from "./cards.js";
import { Controls } from "./controls.js";
import { Source, SourceError } from "./sources.js";
import { Stage } from "./stage.js";

const options = JSON.parse(document.getElementById("options").textContent);
const find = (id) => document.getElementById(id);
const cards = new Cards(find("faces"), "attacked alone");
const stage = new Stage(find("canvas"), false);
const attackedStage = new Stage(find("canvas"), true);
const camera = new Source();
const photo = { file: null, url: null, bitmap: null };
const controls = new Controls(find("controls"), options, onChange);
let busy = 0;

function say(words, wrong = false) {
  const message = find("message");
  message.hidden = !words;
  message.textContent = words ?? "";
  message.classList.toggle("error", wrong);
}

// The answer; null after an error, undefined if a later question has replaced this one.
async function ask(path) {
  const form = new FormData();
  if (photo.file) form.append("photo", photo.file);
  else form.append("url", photo.url);
  form.append("settings", JSON.stringify(controls.settings));
  const mine = ++busy;
  const patience = setTimeout(() => mine === busy && say(path.endsWith("attack") ? "Attacking, then classifying again after JPEG and resizing …" : "Looking for faces …"), 250);
  try {
    const response = await fetch(path, { method: "POST", body: form });
    const answer = await response.json();
    if (mine !== busy) return undefined;
    if (!response.ok) throw new Error(answer.error);
    say(answer.note || null, Boolean(answer.note));
    return answer;
  } catch (error) {
    if (mine !== busy) return undefined;
    say(error instanceof TypeError ? "No connection to the server. Is it still running?" : error.message, true);
    return null;
  } finally {
    clearTimeout(patience);
  }
}

function clear() {
  find("downloads").hidden = find("survival").hidden = find("alone").hidden = true;
}

// Nothing is known of the photo, and no answer is waited for.
function clearAll() {
  busy += 1;
  clear();
  cards.show([]);
  find("picture").hidden = find("attack-it").disabled = true;
}

function choose(file, url) {
  closeCamera();
  Object.assign(photo, { file, url, bitmap: null });
  clearAll();
}

async function read() {
  clear();
  const answer = await ask("/api/photo");
  if (answer === null) clearAll(); // what is shown is of other settings
  if (!answer) return;
  find("attack-it").disabled = !answer.faces.length;
  if (!answer.faces.length) say("No face found. Try a photo with a frontal face, or another detector.");
  find("picture").hidden = !photo.bitmap;
  if (photo.bitmap) stage.draw(photo.bitmap, answer.faces, {});
  cards.show(answer.faces);
}

function closeCamera() {
  camera.close();
  camera.video.remove();
  find("take").textContent = "Use the camera";
}

async function open(file) {
  choose(file, null);
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (photo.file !== file) return; // another one was chosen meanwhile
  photo.bitmap = bitmap;
  await read();
}

async function attack() {
  if (!controls.settings.attack) {
    say("Choose an attack first.");
    return;
  }
  const words = controls.attackWords;
  const answer = await ask("/api/photo/attack");
  if (!answer) return;
  const bitmap = await bitmapOf(answer.picture);
  find("picture").hidden = false;
  find("made-by").textContent = `${words}, on ${answer.model}`;
  attackedStage.draw(bitmap, facesOf(answer), {});
  cards.show(answer.faces);
  find("alone").hidden = !answer.faces.length;
  offer(answer);
  tabulate(answer);
}

// Faces with their predictions on the adversarial picture; `faces` have those on the faces attacked alone.
function facesOf({ faces, survival: [{ faces: lines }] }) {
  return faces.map((face, i) => {
    const { label, probability, fooled } = lines[i];
    const attacked = label ? { answers: [{ label, probabilities: { [label]: probability } }] } : null;
    return { ...face, attacked, flipped: fooled };
  });
}

// The page's policy allows showing data URLs but not fetching them.
async function bitmapOf(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return createImageBitmap(image);
}

function offer({ picture, manifest }) {
  const link = (words, href, name) => {
    const node = document.createElement("a");
    Object.assign(node, { className: "button", textContent: words, href, download: name });
    return node;
  };
  const json = encodeURIComponent(`${JSON.stringify(manifest, null, 2)}\n`);
  const name = `deadpan-${manifest.sha256.slice(0, 8)}`;
  find("downloads").replaceChildren(
    link("Download the adversarial image", picture, `${name}.png`),
    link("Download its manifest", `data:application/json,${json}`, `${name}.json`),
  );
  find("downloads").hidden = false;
}

function cell(tag, text, className = "") {
  const node = document.createElement(tag);
  node.textContent = text;
  node.className = className;
  return node;
}

function tabulate({ faces, survival }) {
  const table = find("survival").querySelector("table");
  const head = document.createElement("tr");
  head.append(cell("th", "After"), ...faces.map((face) => cell("th", `Face ${face.number}: ${face.label}`)));
  const rows = survival.map(({ handling, faces: lines }) => {
    const row = document.createElement("tr");
    row.append(cell("th", handling), ...lines.map((line) => {
      if (!line.label) return cell("td", "not detected");
      return cell("td", `${line.label} ${Math.round(100 * line.probability)} %`, line.fooled ? "fooled" : "honest");
    }));
    return row;
  });
  table.tHead.replaceChildren(head);
  table.tBodies[0].replaceChildren(...rows);
  find("survival").hidden = false;
}

function onChange(name) {
  if (["model", "second", "detector", "defence"].includes(name) && (photo.file || photo.url)) read();
}

async function take() {
  if (camera.video.isConnected) {
    const canvas = camera.grab() ?? camera.canvas;
    canvas.toBlob((blob) => open(new File([blob], "camera.png", { type: "image/png" })), "image/png");
    return;
  }
  try {
    if (!(await camera.openCamera())) return;
    find("drop").append(camera.video);
    find("take").textContent = "Take the picture";
    say(null);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    say(error.message, true);
  }
}

find("choose").addEventListener("click", () => find("file").click());
find("take").addEventListener("click", take);
find("attack-it").addEventListener("click", attack);
find("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) open(file);
});
find("by-url")?.addEventListener("submit", (event) => {
  event.preventDefault();
  choose(null, new FormData(event.target).get("url"));
  read();
});
document.addEventListener("keydown", (event) => {
  if (controls.mayBeShortcut(event) && event.key.toLowerCase() === "p") find("file").click();
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  find("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  });
}
