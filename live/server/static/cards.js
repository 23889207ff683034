// One card per face: clean, attacked, difference; bars of every classifier.

import { emoji, percent } from "./expressions.js";

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

class Picture {
  constructor(words) {
    this.root = element("figure");
    this.image = element("img");
    this.image.alt = words;
    this.heat = element("img", "heat");
    this.heat.alt = "";
    this.heat.hidden = true;
    this.none = element("div", "empty-cell", "no attack");
    this.root.append(this.image, this.none, this.heat, element("figcaption", "", words));
  }

  show(source, heat) {
    this.image.hidden = !source;
    this.none.hidden = Boolean(source);
    if (source) this.image.src = source;
    this.heat.hidden = !heat;
    if (heat) this.heat.src = heat;
  }
}

class Answer {
  constructor(classes, labelSet) {
    this.root = element("section", `answer ${labelSet}`);
    const title = element("h3");
    this.model = element("b");
    this.label = element("i");
    title.append(this.model, this.label);
    this.root.append(title);
    this.rows = new Map(classes.map((name) => [name, this.addRow(name)]));
  }

  addRow(name) {
    const row = element("div", "bar-row");
    const tracks = element("div", "tracks");
    const make = (kind) => {
      const track = element("div", `track ${kind}`);
      const bar = element("span");
      track.append(bar);
      tracks.append(track);
      return { track, bar };
    };
    const clean = make("clean");
    const attacked = make("attacked");
    const share = element("span", "share");
    const before = element("b");
    const after = element("i");
    share.append(before, after);
    row.append(element("span", "name", `${emoji(name)} ${name}`), tracks, share);
    this.root.append(row);
    return { row, clean, attacked, before, after };
  }

  update(clean, attacked) {
    setText(this.model, clean.model);
    setText(this.label, attacked ? `${emoji(clean.label)} → ${emoji(attacked.label)}` : emoji(clean.label));
    this.label.title = attacked ? `${clean.label} → ${attacked.label}` : clean.label;
    for (const [name, parts] of this.rows) {
      const before = clean.probabilities[name];
      parts.clean.bar.style.transform = `scaleX(${before})`;
      setText(parts.before, percent(before));
      parts.attacked.track.hidden = !attacked;
      parts.after.hidden = !attacked;
      if (attacked) {
        const after = attacked.probabilities[name];
        parts.attacked.bar.style.transform = `scaleX(${after})`;
        setText(parts.after, percent(after));
      }
      parts.row.classList.toggle("top", name === clean.label || name === attacked?.label);
    }
  }
}

class Card {
  constructor(number, words) {
    this.root = element("article", "face");
    this.root.setAttribute("aria-label", `Face ${number}`);
    this.title = element("h2");
    this.was = element("span", "was");
    this.arrow = element("span", "", "→");
    this.now = element("span", "now");
    this.mark = element("span");
    this.title.append(this.was, this.arrow, this.now, this.mark, element("span", "number", `face ${number}`));
    const trio = element("div", "trio");
    this.clean = new Picture("clean");
    this.attacked = new Picture(words);
    this.difference = new Picture("difference ×10");
    trio.append(this.clean.root, this.attacked.root, this.difference.root);
    this.bars = element("div", "answers");
    this.meta = element("p", "meta");
    this.root.append(this.title, trio, this.bars, this.meta);
    this.answers = new Map();
  }

  update(face, still) {
    const first = face.answers[0];
    const after = face.attacked?.answers[0];
    setText(this.was, `${emoji(first.label)} ${first.label}`);
    this.arrow.hidden = this.now.hidden = this.mark.hidden = !after;
    if (after) {
      setText(this.now, `${emoji(after.label)} ${after.label}`);
      setText(this.mark, face.flipped ? "flipped" : "unchanged");
      this.mark.className = face.flipped ? "flip" : "held";
    }
    this.clean.show(face.clean, face.heat);
    this.attacked.show(face.attacked?.picture);
    this.difference.show(face.attacked?.difference);
    this.updateAnswers(face);
    const parts = [];
    if (after && face.flips > 1 && !still) parts.push(`flipped in ${face.flips} frames so far`);
    if (face.blinks !== undefined) parts.push(`${face.blinks} ${face.blinks === 1 ? "blink" : "blinks"}`);
    setText(this.meta, parts.join(" · "));
  }

  updateAnswers(face) {
    const models = face.answers.map((answer) => answer.model);
    for (const [model, answer] of this.answers) {
      if (!models.includes(model)) {
        answer.root.remove();
        this.answers.delete(model);
      }
    }
    face.answers.forEach((clean, i) => {
      if (!this.answers.has(clean.model)) {
        const classes = Object.keys(clean.probabilities);
        const labelSet = classes.includes("contempt") ? "ferplus" : "fer";
        const answer = new Answer(classes, labelSet);
        this.answers.set(clean.model, answer);
      }
      const answer = this.answers.get(clean.model);
      if (this.bars.children[i] !== answer.root) this.bars.insertBefore(answer.root, this.bars.children[i] ?? null);
      answer.update(clean, face.attacked?.answers[i]);
    });
  }
}

export class Cards {
  constructor(root, words = "attacked") {
    this.root = root;
    this.words = words;
    this.cards = new Map();
  }

  // `still`: the same picture may have been read many times, so its flips are no number of frames.
  show(faces, still = false) {
    const seen = new Set(faces.map((face) => face.number));
    for (const [number, card] of this.cards) {
      if (!seen.has(number)) {
        card.root.remove();
        this.cards.delete(number);
      }
    }
    faces.forEach((face, i) => {
      if (!this.cards.has(face.number)) this.cards.set(face.number, new Card(face.number, this.words));
      const card = this.cards.get(face.number);
      if (this.root.children[i] !== card.root) this.root.insertBefore(card.root, this.root.children[i] ?? null);
      card.update(face, still);
    });
  }
}
