// The first page: EM climbs one parameter. The bound is lifted to the curve, the point walks to its
// summit, and again. figures/draw.py has computed every moment.
Stage.each("signature", (figure, { grid, curve, bounds, moments, start }) => {
  const stage = new Stage(figure, {
    height: 350, left: 84, x: [grid[0], grid[grid.length - 1]], y: [-1950, -950], ticks: [6, 5],
    labels: ["mean wait in the early group, minutes", "nats"],
  });
  const zip = (heights) => grid.map((x, i) => [x, heights[i]]).filter(([, y]) => y > -1950);
  const words = { E: "E: lift the bound until it touches", M: "M: climb to the summit of the bound", end: "At the top: nothing is left to climb" };
  stage.line(zip(curve), "e-curve e-ink", stage.over);
  stage.write("log-likelihood", { x: stage.X(grid[0]) + 8, y: stage.Y(-1000), class: "e-label" }, stage.over);
  let timer = null;

  function show(i) {
    const now = moments[i];
    const low = zip(bounds[now.bound]);
    stage.clear();
    stage.line(low, "e-curve e-two");
    const [x, y] = low.reduce((a, b) => (b[1] > a[1] ? b : a));
    stage.write("bound", { x: stage.X(x), y: stage.Y(y) + 34, class: "e-label e-two", "text-anchor": "middle" }, stage.under);
    for (const [a, b] of now.seen) stage.dot(a, b, "e-old", 4);
    stage.dot(now.mean, now.height, "e-one e-fill", 7);
    stage.write(words[now.phase], { x: stage.box.right, y: stage.box.top + 14, class: "e-label e-strong", "text-anchor": "end" }, stage.under);
    stage.words.textContent = `Step ${now.step + 1}: mean ${now.mean.toFixed(1)} minutes, bound ${now.height.toFixed(0)} nats.`;
    slider.value = i;
    slider.setAttribute("aria-valuetext", `Step ${now.step + 1}, ${words[now.phase]}`);
    figure.dataset.moment = i;
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
    button.textContent = "Play";
    stage.words.setAttribute("aria-live", "polite");
  }

  function play() {
    button.textContent = "Pause";
    stage.words.setAttribute("aria-live", "off");
    const i = Number(slider.value);
    timer = setTimeout(() => {
      show((i + 1) % moments.length);
      play();
    }, moments[i].ms);
  }

  const button = stage.button("Play", () => (timer === null ? play() : stop()));
  const slider = stage.slider("Moment", { min: 0, max: moments.length - 1, step: 1, value: start }, (i) => {
    stop();
    show(i);
  });
  show(start);
  // It starts by itself only for those who have not asked for less motion, while it can be seen.
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  let waiting = true;
  new IntersectionObserver((entries) => {
    const seen = entries[entries.length - 1].isIntersecting;
    if (seen && waiting) play();
    else if (!seen && timer !== null) stop();
    else return;
    waiting = !seen;
  }).observe(figure);
});
