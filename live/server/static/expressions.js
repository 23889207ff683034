// Emoji of the classes, and the format of probabilities.

const FACES = {
  angry: "😠", anger: "😠", disgust: "😖", fear: "😨", happy: "😄", happiness: "😄", sad: "😢",
  sadness: "😢", surprise: "😮", neutral: "😐", contempt: "😒",
};

export const emoji = (name) => FACES[name] ?? "🙂";

export function percent(share) {
  return share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`;
}

export function best(probabilities) {
  return Object.entries(probabilities).reduce((a, b) => (b[1] > a[1] ? b : a));
}
