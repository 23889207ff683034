"use strict";
document.documentElement.classList.add("has-js");

// A table's cue stands before its box, that of a drawing inside.
for (const box of document.querySelectorAll(".scroll, .panel:has(> .scrolls)")) {
  const cue = box.querySelector(":scope > .cue") ?? box.previousElementSibling;
  const show = () => {
    box.classList.toggle("more", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
    if (cue?.classList.contains("cue")) cue.classList.toggle("shown", box.scrollWidth > box.clientWidth + 1);
  };
  box.addEventListener("scroll", show, { passive: true });
  new ResizeObserver(show).observe(box);
}
