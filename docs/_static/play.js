// A box for the reader's guess above each answer that is folded. The fold opens without one, too.
// And strips of pictures, which are for paper.
(() => {
  "use strict";

  const key = (i) => `guess ${location.pathname} ${i}`;
  const store = {
    get(i) {
      try { return localStorage.getItem(key(i)) || ""; } catch { return ""; }
    },
    set(i, text) {
      try { localStorage.setItem(key(i), text); } catch { /* private: kept on the page only */ }
    },
  };

  // What stands beside a slider for readers on paper is not needed where the slider works.
  for (const strip of document.querySelectorAll(".cell.tag_strip")) {
    for (const part of [strip, strip.previousElementSibling]) part.classList.add("on-paper");
  }

  document.querySelectorAll(".cell.tag_answer").forEach((cell, i) => {
    const fold = cell.querySelector("details");
    if (!fold) return;
    const box = document.createElement("form");
    box.className = "guess";
    box.innerHTML = `<label for="guess-${i}">Your guess</label><input id="guess-${i}" autocomplete="off"><button class="player-play">See what happens</button><output hidden></output>`;
    const [input, said] = [box.querySelector("input"), box.querySelector("output")];
    input.value = store.get(i);
    cell.before(box);
    box.addEventListener("submit", (event) => {
      event.preventDefault();
      fold.open = true;
      fold.querySelector("summary").focus();
    });
    fold.addEventListener("toggle", () => {
      if (!fold.open) return;
      store.set(i, input.value);
      said.hidden = !input.value;
      said.textContent = `You guessed: ${input.value}`;
    });
  });
})();
