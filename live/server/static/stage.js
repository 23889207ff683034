// Draws a frame with its faces on a canvas: boxes or circles, labels, points, hulls, attacked faces.

import { best, emoji, percent } from "./expressions.js";

const pictures = new Map(); // data URL -> image, for those on the stage now

async function decoded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

export async function prepare(faces) {
  const wanted = faces.flatMap((face) => (face.attacked ? [face.attacked.picture] : []));
  for (const address of pictures.keys()) if (!wanted.includes(address)) pictures.delete(address);
  await Promise.all(
    wanted.filter((address) => !pictures.has(address))
      .map(async (address) => pictures.set(address, await decoded(address))),
  );
}

function colour(role) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
}

export class Stage {
  constructor(canvas, attacked) {
    this.canvas = canvas;
    this.attacked = attacked;
    this.context = canvas.getContext("2d");
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  draw(bitmap, faces, look) {
    const { canvas, context } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
    }
    const { width } = canvas;
    context.save();
    if (look.mirror) {
      context.translate(width, 0);
      context.scale(-1, 1);
    }
    context.drawImage(bitmap, 0, 0);
    for (const face of faces) this.drawAttacked(face);
    for (const face of faces) this.drawMarks(face);
    context.restore();
    for (const face of [...faces].reverse()) this.drawLabel(face, look);
  }

  drawAttacked(face) {
    const picture = this.attacked && face.attacked && pictures.get(face.attacked.picture);
    if (!picture) return;
    const { x, y, width, height } = face.square;
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(picture, x, y, width, height);
    this.context.imageSmoothingEnabled = true;
  }

  drawMarks(face) {
    const { context } = this;
    if (!face.points) return;
    context.fillStyle = "rgb(255 255 255 / .75)";
    for (let i = 0; i < face.points.length; i += 2) context.fillRect(face.points[i] - 0.5, face.points[i + 1] - 0.5, 1.5, 1.5);
    context.strokeStyle = "#ffd166";
    context.lineWidth = 1.5;
    for (const hull of face.hulls) {
      context.beginPath();
      for (let i = 0; i < hull.length; i += 2) context.lineTo(hull[i], hull[i + 1]);
      context.closePath();
      context.stroke();
    }
  }

  drawLabel(face, look) {
    const { canvas, context } = this;
    const role = this.attacked ? "attacked" : "clean";
    const answer = this.attacked ? face.attacked?.answers[0] : face.answers[0];
    if (!answer) return;
    const { y, width, height } = face.box;
    const x = look.mirror ? canvas.width - face.box.x - width : face.box.x;
    const unit = (canvas.width / (canvas.clientWidth || canvas.width)) * (canvas.clientWidth < 300 ? 0.8 : 1);
    const ink = colour(role);
    context.strokeStyle = ink;
    context.lineWidth = 2.5 * unit;
    context.setLineDash(this.attacked ? [9 * unit, 5 * unit] : []);
    context.beginPath();
    if (look.round) context.ellipse(x + width / 2, y + height / 2, width / 2, height / 2, 0, 0, 7);
    else context.rect(x, y, width, height);
    context.stroke();
    context.setLineDash([]);
    const shown = answer.probabilities[answer.label] ?? best(answer.probabilities)[1];
    const mark = this.attacked && face.flipped ? "◆ " : "";
    const text = `${mark}${emoji(answer.label)} ${answer.label} ${percent(shown)}`;
    context.font = `600 ${Math.round(15 * unit)}px system-ui, sans-serif`;
    const wide = context.measureText(text).width + 14 * unit;
    const high = 25 * unit;
    const left = Math.min(Math.max(0, x - 1.25 * unit), canvas.width - wide);
    const top = y >= high ? y - high : Math.min(y + height, canvas.height - high);
    context.fillStyle = ink;
    context.fillRect(left, top, wide, high);
    context.fillStyle = matchMedia("(prefers-color-scheme: dark)").matches ? "#101114" : "#fff";
    context.textBaseline = "middle";
    context.fillText(text, left + 7 * unit, top + high / 2 + unit);
  }
}
