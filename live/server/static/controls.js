// The controls: fill the lists, handle the keys, and report changes.

const ON_PAGE = ["source", "mirror", "round", "keys"]; // the server does not know these
const NUMBERS = ["eps", "steps", "severity", "repeat"];

function option(select, value, words, parent = select) {
  const node = new Option(words, value);
  parent.append(node);
  return node;
}

function group(select, words) {
  const node = document.createElement("optgroup");
  node.label = words;
  select.append(node);
  return node;
}

const spaced = (name) => name.replaceAll("_", " ");
const ATTACK_WORDS = { fgsm: "FGSM", pgd: "PGD", apgd: "APGD", square: "Square (no gradients)", pgd_glasses: "printed glasses", noise: "random-sign noise" };
const PRINTED = ["pgd_glasses", "sticker"];

export class Controls {
  constructor(form, options, onChange) {
    this.form = form;
    this.options = options;
    this.onChange = onChange;
    this.fill();
    for (const [name, value] of Object.entries(options.defaults)) this.write(name, value);
    this.write("attack", "fgsm");
    if (this.has("second")) this.write("second", options.second);
    form.addEventListener("input", (event) => this.changed(event.target.name));
    form.addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => this.hear(event));
    this.refresh();
  }

  has(name) {
    return Boolean(this.form.elements[name]);
  }

  fill() {
    const { form, options } = this;
    const lists = form.elements;
    for (const model of options.models) option(lists.model, model.id, model.id);
    if (lists.second) {
      option(lists.second, "", "nothing");
      for (const model of options.models) option(lists.second, model.id, model.id);
    }
    option(lists.attack, "", "none");
    const attacks = group(lists.attack, "Attacks");
    for (const name of options.attacks) option(lists.attack, name, ATTACK_WORDS[name] ?? spaced(name), attacks);
    const corruptions = group(lists.attack, "Corruptions");
    for (const name of options.corruptions) option(lists.attack, name, spaced(name), corruptions);
    option(lists.defence, "", "none");
    for (const name of options.defences) option(lists.defence, name, spaced(name));
    for (const name of options.detectors) option(lists.detector, name, name);
    if (lists.source) {
      option(lists.source, "camera", "this device’s camera");
      option(lists.source, "file", "a clip or picture …");
      if (options.source) option(lists.source, "server", `server: ${options.source}`);
    }
    this.fillTargets();
  }

  fillTargets() {
    const { target, model } = this.form.elements;
    const kept = target.value;
    target.replaceChildren();
    option(target, "", "any other label");
    const known = this.options.models.find((entry) => entry.id === model.value);
    for (const name of known?.classes ?? []) option(target, name, name);
    target.value = kept;
    if (target.selectedIndex < 0) target.value = "";
  }

  read(name) {
    const control = this.form.elements[name];
    if (control.type === "checkbox") return control.checked;
    return NUMBERS.includes(name) ? Number(control.value) : control.value;
  }

  write(name, value) {
    const control = this.form.elements[name];
    if (!control) return;
    if (control.type === "checkbox") control.checked = value;
    else control.value = value;
    if (name === "model") this.fillTargets();
  }

  set(name, value) {
    this.write(name, value);
    this.changed(name);
  }

  changed(name) {
    if (!name) return;
    if (name === "model") this.fillTargets();
    this.refresh();
    this.onChange(name);
  }

  get settings() {
    const names = Object.keys(this.options.defaults).filter((name) => this.has(name));
    return Object.fromEntries(names.map((name) => [name, this.read(name)]));
  }

  get look() {
    return { mirror: this.read("mirror"), round: this.read("round") };
  }

  get attackWords() {
    const { attack, eps, severity, target } = this.settings;
    if (!attack) return "";
    const name = ATTACK_WORDS[attack] ?? spaced(attack);
    if (this.options.corruptions.includes(attack)) return `${name}, severity ${severity}`;
    const size = PRINTED.includes(attack) ? "" : `, eps ${eps}/255`;
    return `${name}${size}${target ? `, target ${target}` : ""}`;
  }

  refresh() {
    const { attack } = this.settings;
    const corruption = this.options.corruptions.includes(attack);
    const show = {
      eps: Boolean(attack) && !corruption && !PRINTED.includes(attack),
      steps: this.options.with_steps.includes(attack),
      severity: corruption,
    };
    for (const [name, visible] of Object.entries(show)) this.form.querySelector(`[data-row=${name}]`).hidden = !visible;
    document.body.classList.toggle("keyless", !this.read("keys"));
    const target = this.form.elements.target;
    target.disabled = !attack || corruption || attack === "noise";
    if (target.disabled) target.value = "";
    for (const output of this.form.querySelectorAll("output")) {
      const value = this.read(output.dataset.for);
      output.textContent = output.dataset.for === "eps" ? `${value}/255` : output.dataset.for === "repeat" ? `${value} ×` : value;
    }
  }

  // Whether a key may be a shortcut: nobody writes, or chooses in a list by its first letter.
  mayBeShortcut(event) {
    const { key, target } = event;
    const typed = target.matches("input[type=text],input[type=url]") || (target.matches("select") && /^[a-z]$/i.test(key));
    return this.read("keys") && !typed && !event.ctrlKey && !event.metaKey && !event.altKey;
  }

  hear(event) {
    if (!this.mayBeShortcut(event)) return;
    const key = event.key === "-" ? "−" : event.key === " " ? "Space" : event.key.toUpperCase();
    if (key === "Space" && event.target.matches("button,a,input,select")) return;
    const plain = { "{": "[", "}": "]", "<": ",", ">": ".", "=": "+" }[key] ?? key;
    const controls = [...this.form.querySelectorAll("[aria-keyshortcuts]")];
    const control = controls.find((node) => node.getAttribute("aria-keyshortcuts").split(" ").includes(plain) && !node.closest("[hidden]"));
    if (!control || control.disabled) return;
    event.preventDefault();
    if (event.repeat && !control.matches("select,[type=range]")) return; // held down, it acts once
    if (control.type === "checkbox") this.set(control.name, !control.checked);
    else if (control.type === "range") this.step(control, control.getAttribute("aria-keyshortcuts").startsWith(plain) ? -1 : 1);
    else if (control.matches("button")) control.click();
    else this.cycle(control, event.shiftKey ? -1 : 1);
  }

  step(control, direction) {
    if (direction > 0) control.stepUp();
    else control.stepDown();
    this.changed(control.name);
  }

  cycle(select, direction) {
    const count = select.options.length;
    select.selectedIndex = (select.selectedIndex + direction + count) % count;
    this.changed(select.name);
  }

  isOnPage(name) {
    return ON_PAGE.includes(name);
  }
}
