// The live page: send frames to the server, draw the results.

import { Cards } from "./cards.js";
import { Controls } from "./controls.js";
import { Link } from "./link.js";
import { Source, SourceError, jpeg } from "./sources.js";
import { Stage, prepare } from "./stage.js";

const options = JSON.parse(document.getElementById("options").textContent);
const find = (id) => document.getElementById(id);
const source = new Source();
const clean = new Stage(find("clean"), false);
const attacked = new Stage(find("attacked"), true);
const cards = new Cards(find("faces"));
const sent = new Map(); // frame number -> picture, until its result arrives
const shown = { bitmap: null, faces: [] };
const pace = { times: [], latencies: [] };
const READ = 5000; // milliseconds for which an error stays that belongs to no frame
let heldUntil = 0;
let frozen = false;
let opened = false;
let stillWanted = false;
let session = null; // being recorded
let arriving = Promise.resolve(null);
let turn = Promise.resolve();

const controls = new Controls(find("controls"), options, onChange);
const link = new Link({
  onFrame: (answer) => {
    const picture = arriving;
    turn = turn.then(() => onFrame(answer, picture)).catch(() => {});
  },
  onPicture: (blob) => {
    arriving = createImageBitmap(blob);
  },
  onRecording,
  onError: (words, frame) => {
    turn = turn.then(() => frame !== undefined && showAlone(frame)); // no result will come for it
    if (frame === undefined) heldUntil = performance.now() + READ;
    say(words, true);
  },
  onState: (state, reason) => {
    sent.clear();
    resetPace();
    if (session) onRecording({ session, on: false });
    if (state === "open") stillWanted = true; // what was on the way is lost
    say(state === "open" ? "Connected." : `${reason || "No connection to the server. Is it still running?"} Trying again …`, state !== "open");
  },
});

function say(words, wrong = false) {
  const status = find("status");
  if (status.textContent !== words) status.textContent = words;
  status.classList.toggle("wrong", wrong);
}

function notice(words, actions = []) {
  const box = find("notice");
  box.hidden = !words;
  box.querySelector("p").textContent = words ?? "";
  box.querySelector(".actions").replaceChildren(
    ...actions.map(([label, act]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", act);
      return button;
    }),
  );
}

const chooseFile = () => find("file").click();

// Nothing of the last source is shown any more, nor are results for it.
function leave(name) {
  if (frozen) freeze();
  opened = false;
  heldUntil = 0;
  source.close();
  link.say("source", name);
  arriving = Promise.resolve(null);
  for (const bitmap of sent.values()) bitmap.close();
  sent.clear();
  turn = turn.then(() => {
    Object.assign(shown, { bitmap: null, faces: [] });
    clean.clear();
    attacked.clear();
    cards.show([]);
    resetPace();
  });
  say("No picture yet.");
}

async function open(name) {
  leave(name === "server" ? "server" : "browser");
  if (name === "server") {
    notice(null);
    say(`Playing ${options.source} on the server.`);
    return;
  }
  if (name === "file") {
    notice("Choose a clip or a picture on this device.", [["Choose", chooseFile]]);
    chooseFile();
    return;
  }
  notice("Waiting for the camera … allow it in the browser.");
  await start(() => source.openCamera(), true);
}

async function start(openIt, mirrored) {
  try {
    if (!(await openIt())) return;
    controls.write("mirror", mirrored);
    opened = stillWanted = true;
    notice(null);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    notice(error.message, [["Try again", () => open("camera")], ["Choose a clip or picture", chooseFile]]);
  }
}

source.onLost = () => {
  leave("browser");
  notice("The camera has stopped. Is it still connected?", [["Try again", () => open("camera")], ["Choose a clip or picture", chooseFile]]);
};

find("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  controls.write("source", "file");
  leave("browser");
  start(() => source.openFile(file), false);
});

function onChange(name) {
  if (name === "source") {
    open(controls.read("source"));
  } else if (controls.isOnPage(name)) draw();
  else {
    link.say("settings", controls.settings);
    stillWanted = true;
    if (!frozen || controls.read("source") !== "server") nameAttack(); // else the picture stays as it is
  }
}

function nameAttack() {
  find("attack-words").textContent = controls.attackWords || "no attack";
  document.querySelector(".screens").classList.toggle("alone", !controls.settings.attack);
}

// Send the newest frame whenever the server can take one.
async function pump() {
  const wanted = opened && link.ready && (frozen || source.still ? stillWanted : true);
  try {
    if (wanted && controls.read("source") !== "server") await sendFrame();
  } catch (error) {
    stillWanted = true;
    say(`The browser could not copy a frame (${error.name}). Trying again …`, true);
  }
  setTimeout(pump, wanted ? 4 : 12);
}

async function sendFrame() {
  const canvas = frozen ? source.canvas : source.grab();
  if (!canvas) return;
  stillWanted = false;
  const mine = source.turn;
  const [bitmap, blob] = await Promise.all([createImageBitmap(canvas), jpeg(canvas)]);
  if (opened && link.ready && mine === source.turn) sent.set(link.send(blob), bitmap);
}

function forget(frame) {
  for (const [number, bitmap] of sent) {
    if (number <= frame) {
      sent.delete(number);
      if (bitmap !== shown.bitmap) bitmap.close();
    }
  }
}

async function onFrame(answer, picture) {
  const fromServer = controls.read("source") === "server";
  if (frozen && fromServer) return;
  const mine = source.turn;
  const bitmap = fromServer ? await picture : sent.get(answer.frame);
  if (!bitmap) return;
  if (answer.busy) stillWanted = true;
  await prepare(answer.faces);
  if (mine !== source.turn) return; // another source was chosen meanwhile
  if (shown.bitmap && shown.bitmap !== bitmap) shown.bitmap.close();
  Object.assign(shown, { bitmap, faces: answer.faces });
  forget(answer.frame);
  draw();
  cards.show(answer.faces, Boolean(source.still));
  tell(answer);
  measure(answer);
}

// A frame without results: those of the frame before may be another model's.
function showAlone(frame) {
  if (frozen && controls.read("source") === "server") return;
  const bitmap = sent.get(frame);
  if (bitmap) {
    shown.bitmap?.close();
    shown.bitmap = bitmap;
  }
  shown.faces = [];
  forget(frame);
  draw();
  cards.show([]);
}

function draw() {
  if (!shown.bitmap) return;
  clean.draw(shown.bitmap, shown.faces, controls.look);
  attacked.draw(shown.bitmap, shown.faces, controls.look);
}

function tell(answer) {
  const count = answer.faces.length;
  if (performance.now() < heldUntil) return;
  if (answer.note) say(answer.note, !answer.busy);
  else if (!count) say("No face found. Move closer to the camera, with light from the front.");
  else say(count === 1 ? "One face." : `${count} faces.`);
}

function resetPace() {
  pace.times = [];
  pace.latencies = [];
  find("pace").textContent = "";
}

function measure(answer) {
  const now = performance.now();
  pace.times.push(now);
  if (answer.latency) pace.latencies.push(answer.latency);
  while (pace.times[0] < now - 2000) pace.times.shift();
  while (pace.latencies.length > 30) pace.latencies.shift();
  const rate = ((pace.times.length - 1) * 1000) / Math.max(1, now - pace.times[0]);
  const middle = [...pace.latencies].sort((a, b) => a - b)[pace.latencies.length >> 1];
  const late = middle === undefined ? "" : `, ${Math.round(middle)} ms latency`;
  if (pace.times.length > 2) find("pace").textContent = `${Math.round(rate)} frames/s${late}`;
}

function press(name, on) {
  document.querySelector(`[data-do=${name}]`).setAttribute("aria-pressed", String(on));
}

function freeze() {
  frozen = !frozen;
  press("freeze", frozen);
  resetPace();
  if (frozen) return;
  stillWanted = true;
  nameAttack();
}

function save() {
  if (!shown.bitmap) return;
  const [left, right] = [find("clean"), find("attacked")];
  const both = document.createElement("canvas");
  both.width = left.width + right.width + 8;
  both.height = left.height;
  const context = both.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, both.width, both.height);
  context.drawImage(left, 0, 0);
  context.drawImage(right, left.width + 8, 0);
  both.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `deadpan-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

// The server's state; without rows the connection was lost, which ends a recording.
function onRecording(answer) {
  press("record", answer.on);
  session = answer.on ? answer.session : null;
  const line = find("recorded");
  line.hidden = !answer.session;
  if (answer.on) {
    line.textContent = "Recording. Rows stay in the server’s memory until you download them.";
    return;
  }
  const summary = document.createElement("a");
  summary.href = `/session/${answer.session}`;
  summary.textContent = "See the summary";
  summary.target = "_blank";
  const ended = answer.rows === undefined ? "The connection was lost; the recording ended. " : `Recorded ${answer.rows} ${answer.rows === 1 ? "row" : "rows"}. `;
  line.replaceChildren(answer.full ? "The recording is full and ended. " : "", ended, summary, ".");
}

document.querySelector("[data-do=freeze]").addEventListener("click", freeze);
document.querySelector("[data-do=save]").addEventListener("click", save);
document.querySelector("[data-do=record]").addEventListener("click", (event) => {
  link.say("record", event.currentTarget.getAttribute("aria-pressed") !== "true");
});

const first = options.source ? "server" : "camera";
controls.write("source", first);
controls.write("many", true);
onChange("model");
open(first);
pump();
