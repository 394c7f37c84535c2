// Chapter 2: drag the start on the map of the two coins, and watch where EM goes from there.
Stage.each("coins", (figure, { data, levels, start }) => {
  const stage = new Stage(figure, {
    height: 560, x: [0, 1], y: [0, 1], ticks: [6, 6],
    labels: ["probability of heads, coin A", "probability of heads, coin B"],
  });
  const family = EM.coins;
  const model = (a, b) => ({ weights: [0.5, 0.5], probabilities: [a, b] });
  const path = (a, b) => EM.climb(family, model(a, b), data, { tol: 1e-10, most: 500 });
  const map = stage.add("g", {});
  stage.svg.insertBefore(map, stage.under);

  // The map, once: squares whose ink says how far below the summit they lie.
  const n = 60;
  const top = Math.max(...levels.summits.map(([a, b]) => EM.logLikelihood(family, model(a, b), data)));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const [a, b] = [(i + 0.5) / n, (j + 0.5) / n];
      const below = top - EM.logLikelihood(family, model(a, b), data);
      const shade = levels.below.filter((level) => below < level).length / levels.below.length;
      if (shade === 0) continue;
      const size = { x: stage.X(i / n), y: stage.Y((j + 1) / n), width: stage.X(1 / n) - stage.X(0), height: stage.Y(0) - stage.Y(1 / n) };
      stage.add("rect", { ...size, class: "e-map", "fill-opacity": (0.75 * shade).toFixed(3) }, map);
    }
  }
  stage.line([[0, 0], [1, 1]], "e-diagonal", map);
  for (const [a, b] of levels.summits) {
    stage.write("+", { x: stage.X(a), y: stage.Y(b) + 8, class: "e-summit", "text-anchor": "middle" }, map);
  }

  function show(a, b) {
    const points = path(a, b).map((m) => m.probabilities);
    const [c, d] = points[points.length - 1];
    const height = EM.logLikelihood(family, model(c, d), data);
    stage.clear();
    stage.line(points, "e-path");
    for (const [x, y] of points.slice(1)) stage.dot(x, y, "e-step", 3);
    stage.dot(c, d, "e-end", 7);
    stage.words.textContent =
      `From (${a.toFixed(2)}, ${b.toFixed(2)}) EM goes to (${c.toFixed(4)}, ${d.toFixed(4)}), ` +
      `log-likelihood ${height.toFixed(4)} nats, in ${points.length - 1} steps` +
      (Math.abs(c - d) < 1e-6 ? ": equal coins, a saddle. Move off the diagonal." : ".");
    figure.dataset.path = JSON.stringify(points);
  }
  const set = stage.handle("Start of EM: chance of heads of coin A, of coin B", "e-one", "xy", 0.01, show);
  const begin = (a, b) => {
    set(a, b);
    show(a, b);
  };
  stage.button("Mirror the start", () => {
    const [a, b] = JSON.parse(figure.dataset.path)[0];
    begin(b, a);
  });
  stage.button("Back to (0.6, 0.5)", () => begin(...start));
  begin(...start);
});
