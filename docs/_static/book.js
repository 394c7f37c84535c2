// Players: pictures with a slider, which need no kernel. Everything else is the theme's.
(function () {
  "use strict";

  const isDark = () => document.documentElement.dataset.theme === "dark";

  function makePlayer(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const [day, night] = figure.querySelectorAll("img");
    const controls = figure.querySelector(".player-controls");
    const slider = figure.querySelector("input");
    const output = figure.querySelector("output");
    const caption = figure.querySelector("figcaption");
    const button = figure.querySelector(".player-play");
    const label = figure.querySelector("label").textContent.trim();
    const last = data.pictures.length - 1;
    let timer = null;

    function show(i) {
      if (!night || !isDark()) day.src = data.pictures[i];
      if (night && isDark()) night.src = data.dark[i];
      slider.value = i;
      output.textContent = i;
      slider.setAttribute("aria-valuetext", `${label} ${i} of ${last}`);
      if (caption) caption.textContent = data.words[i];
    }

    // So that no picture is late, all of the look in use are fetched when somebody reaches for
    // the slider.
    function fetchAll() {
      for (const name of night && isDark() ? data.dark : data.pictures) new Image().src = name;
    }

    function stop() {
      clearTimeout(timer);
      timer = null;
      if (button) button.textContent = "Play";
    }

    function play() {
      button.textContent = "Pause";
      timer = setTimeout(
        () => {
          const i = Number(slider.value);
          show(i < last ? i + 1 : 0);
          play();
        },
        1000 * data.seconds[Number(slider.value)],
      );
    }

    controls.hidden = false;
    show(Number(slider.value));
    slider.addEventListener("input", () => {
      stop();
      show(Number(slider.value));
    });
    for (const event of ["focus", "pointerenter"]) {
      slider.addEventListener(event, fetchAll, { once: true });
    }
    if (night) {
      new MutationObserver(() => show(Number(slider.value))).observe(document.documentElement, {
        attributes: true,
        attributeFilter: ["data-theme"],
      });
    }
    if (!button) return;
    button.addEventListener("click", () => (timer === null ? play() : stop()));
    // What moves starts by itself only for those who have not asked for less motion,
    // and only while it can be seen.
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    let waiting = true;
    new IntersectionObserver((entries) => {
      const seen = entries[entries.length - 1].isIntersecting;
      if (seen && waiting) {
        fetchAll();
        play();
        waiting = false;
      } else if (!seen && timer !== null) {
        stop();
        waiting = true;
      }
    }).observe(figure);
  }

  // What scrolls within its own box must be reachable by keyboard, and have a name.
  function reachable() {
    const boxes = [
      ["mjx-container", "Formula"],
      [".picture", "Figure"],
      [".pst-scrollable-table-container", "Table"],
      ["div.highlight > pre, .cell_output pre", "Code or output"],
    ];
    for (const [selector, name] of boxes) {
      for (const box of document.querySelectorAll(selector)) {
        if (box.scrollWidth > box.clientWidth + 1) {
          box.tabIndex = 0;
          box.setAttribute("role", "region");
          box.setAttribute("aria-label", name);
        } else if (box.getAttribute("role") === "region") {
          box.removeAttribute("tabindex");
          box.removeAttribute("role");
          box.removeAttribute("aria-label");
        }
      }
    }
  }

  // Names that the theme leaves out, of the arrows in the list of pages; and labels that hide what
  // is written on a button: of the search, and of the folded set-up cell.
  for (const summary of document.querySelectorAll(".bd-sidebar-primary details > summary")) {
    const page = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages of ${page ? page.textContent.trim() : "this part"}`);
  }
  for (const button of document.querySelectorAll(".search-button-field, details.hide > summary")) {
    button.removeAttribute("aria-label");
  }

  document.querySelectorAll("figure.player").forEach(makePlayer);
  window.addEventListener("load", () => {
    const maths = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
    Promise.resolve(maths).then(reachable);
  });
  window.addEventListener("resize", reachable);
  document.addEventListener("toggle", reachable, true); // a folded solution opens
})();
