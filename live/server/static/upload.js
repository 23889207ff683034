// The clip page: upload a clip, show how far it is, open its summary.

import { Controls } from "./controls.js";

const options = JSON.parse(document.getElementById("options").textContent);
const find = (id) => document.getElementById(id);
const controls = new Controls(find("controls"), options, () => {});
const ASK_EVERY = 400; // milliseconds
const STAGES = {
  arriving: "Uploading …",
  waiting: "Waiting for other clips …",
  reading: "Finding and classifying faces …",
  drawing: "Drawing them …",
};
let chosen = null; // the last file
let going = null; // { request, name, since }: the upload, then the job's name

function say(words, wrong = false) {
  const message = find("message");
  message.hidden = !words;
  message.textContent = words ?? "";
  message.classList.toggle("error", wrong);
}

function megabytes(bytes) {
  return (bytes / 2 ** 20).toFixed(bytes < 9.95 * 2 ** 20 ? 1 : 0);
}

function showStage(state, done, expected) {
  if (going.state !== state) Object.assign(going, { state, since: performance.now() });
  find("stage").textContent = STAGES[state];
  const bar = find("share");
  const share = expected ? Math.min(1, done / expected) : 0;
  if (expected) bar.value = share;
  else bar.removeAttribute("value");
  const passed = (performance.now() - going.since) / 1000;
  const left = share > 0.02 && passed > 1 ? Math.ceil((passed / share) * (1 - share)) : null;
  const count = state === "arriving" ? `${megabytes(done)} of ${megabytes(expected)} MB` : `${done} of ${expected} frames`;
  find("left").textContent = state === "waiting" || !expected ? "" : `${count}${left === null ? "" : `, ${left} s left`}`;
}

function begin(file) {
  cancel();
  chosen = file;
  say(null);
  find("done").hidden = true;
  if (!file.size) {
    say(`${file.name} is empty. Choose another clip.`, true);
    return;
  }
  if (file.size > options.most_bytes) {
    say(`${file.name} has ${megabytes(file.size)} MB; at most ${options.most_bytes / 2 ** 20} are accepted. Cut it, or read it with python -m live.video.`, true);
    return;
  }
  const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
  const mine = (going = { request, name: null, state: null, since: 0 });
  find("progress").hidden = false;
  find("again").disabled = true;
  showStage("arriving", 0, file.size);
  request.upload.onprogress = (event) => mine === going && showStage("arriving", event.loaded, file.size);
  request.onload = () => mine === going && arrived(request);
  request.onerror = () => mine === going && end("No connection to the server. Is it still running?");
  const query = new URLSearchParams({ name: file.name, settings: JSON.stringify(controls.settings) });
  request.open("POST", `/api/clip?${query}`);
  request.responseType = "json";
  request.send(file);
}

function arrived(request) {
  const answer = request.response ?? {};
  if (request.status !== 202) {
    end(answer.error ?? `The server refuses the clip (${request.status}).`);
    return;
  }
  going.name = answer.clip;
  follow(going);
}

async function follow(mine) {
  while (mine === going) {
    let answer;
    try {
      const response = await fetch(`/api/clip/${mine.name}`);
      answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
    } catch (error) {
      if (mine === going) end(error instanceof TypeError ? "No connection to the server. Is it still running?" : error.message);
      return;
    }
    if (mine !== going) return;
    if (answer.error) return end(answer.error);
    if (answer.page) return finish(answer.page);
    showStage(answer.state, answer.done, answer.expected);
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
  }
}

function stop() {
  going = null;
  find("progress").hidden = true;
  find("again").disabled = !chosen;
}

function end(words) {
  stop();
  say(words, true);
}

function finish(page) {
  stop();
  const link = document.createElement("a");
  Object.assign(link, { className: "button primary", href: page, textContent: `See the summary of ${chosen.name}` });
  find("done").replaceChildren(link);
  find("done").hidden = false;
  location.assign(page);
}

// Nothing is read for a viewer who has gone.
function cancel() {
  if (!going) return false;
  const { request, name } = going;
  stop();
  request.abort();
  if (name) fetch(`/api/clip/${name}`, { method: "DELETE", keepalive: true }).catch(() => {});
  return true;
}

controls.write("detector", "blazeface");
find("choose").addEventListener("click", () => find("file").click());
find("again").addEventListener("click", () => begin(chosen));
find("cancel").addEventListener("click", () => cancel() && say("Cancelled."));
find("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) begin(file);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && cancel()) say("Cancelled.");
  if (controls.mayBeShortcut(event) && event.key.toLowerCase() === "p") find("file").click();
});
window.addEventListener("pagehide", () => cancel());
for (const kind of ["dragover", "dragleave", "drop"]) {
  find("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) begin(event.dataTransfer.files[0]);
  });
}
