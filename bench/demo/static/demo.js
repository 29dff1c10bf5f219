"use strict";
// Comfort only: the page asks, answers, plays and explains without it.

const form = document.getElementById("ask");
form.addEventListener("submit", () => document.getElementById("found").setAttribute("aria-busy", "true"));
window.addEventListener("pageshow", () => document.getElementById("found").removeAttribute("aria-busy"));
document.getElementById("compare")?.addEventListener("change", () => {
  if (document.getElementById("q").value.trim() && document.querySelector(".columns")) form.requestSubmit();
});

for (const video of document.querySelectorAll(".card video")) {
  const start = Number(video.closest(".card").dataset.start);
  video.addEventListener("play", () => {
    for (const other of document.querySelectorAll(".card video")) if (other !== video) other.pause();
  });
  video.addEventListener("loadedmetadata", () => {
    // where a browser ignores the address's #t=, or the moment is at the very end
    if (Math.abs(video.currentTime - start) > 0.5 && video.paused) video.currentTime = start;
  });
  video.addEventListener("error", () => {
    const still = Object.assign(new Image(), { src: video.poster, alt: video.getAttribute("aria-label") });
    const note = Object.assign(document.createElement("p"), { className: "note" });
    note.textContent = "This browser cannot play this clip; this is the middle of the moment.";
    video.replaceWith(still, note);
  });
}

for (const link of document.querySelectorAll(".why a")) {
  link.setAttribute("role", "button");
  link.setAttribute("aria-expanded", "false");
  link.addEventListener("keydown", (event) => {
    if (event.key === " ") { event.preventDefault(); link.click(); }
  });
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const place = link.closest(".why");
    const shown = place.parentElement.querySelector(".spoken");
    if (shown?.classList.contains("problem")) shown.remove();
    else if (shown) {
      shown.hidden = !shown.hidden;
      link.setAttribute("aria-expanded", String(!shown.hidden));
      return;
    }
    if (place.ariaBusy === "true") return;
    place.ariaBusy = "true";
    let piece;
    try {
      const answer = await fetch(link.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      piece = page.querySelector(".spoken") ?? page.querySelector(".problem");
      piece.removeAttribute("id");
    } catch {
      piece = Object.assign(document.createElement("p"), { className: "problem" });
      piece.textContent = "The server does not answer. Is bench demo still running?";
    }
    piece.classList.add("spoken");
    place.after(piece);
    place.ariaBusy = "false";
    link.setAttribute("aria-expanded", "true");
  });
}
