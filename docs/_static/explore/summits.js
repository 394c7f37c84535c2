// Chapter 6: choose K and start again and again on the galaxies: how many summits are there?
Stage.each("summits", (figure, { data, start, best }) => {
  const stage = new Stage(figure, {
    height: 340, x: [8, 36], y: [0, 0.25], ticks: [8, 6],
    labels: ["velocity, 1000 km/s", "density per 1000 km/s"],
  });
  const family = EM.normals;
  const list = stage.html("ol", "explorable-list", figure);
  let k = start.k, seed = 0, found = new Map();

  // Mulberry32: a small generator, so that the same starts come in every browser.
  function random() {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  // K galaxies chosen at random as means, all with the variance of the whole over K squared.
  function chosen() {
    const rows = data.x.slice();
    const means = Array.from({ length: k }, () => rows.splice(Math.floor(random() * rows.length), 1)[0]);
    return { weights: means.map(() => 1 / k), means, variances: means.map(() => start.variance / k ** 2) };
  }

  function draw(model) {
    stage.clear();
    for (const x of data.x) {
      stage.add("line", { x1: stage.X(x), x2: stage.X(x), y1: stage.Y(0), y2: stage.Y(0.008), class: "e-rug" }, stage.under);
    }
    const line = Array.from({ length: 561 }, (_, i) => 8 + i / 20);
    const density = (x, j) => model.weights[j] * Math.exp(family.log(model, j, x));
    const all = line.map((x) => [x, Math.min(0.25, EM.sum(model.means.map((_, j) => density(x, j))))]);
    model.means.forEach((_, j) => stage.line(line.map((x) => [x, Math.min(0.25, density(x, j))]), "e-curve e-two e-thin"));
    stage.line(all, "e-curve e-one");
  }

  function again() {
    const begin = chosen();
    const path = EM.climb(family, begin, data, { tol: 1e-8, most: 2000 });
    const end = path[path.length - 1];
    const height = EM.logLikelihood(family, end, data);
    const narrow = Math.min(...end.variances) < 1e-3;
    const name = narrow ? "ran into a single galaxy: no summit" : height.toFixed(2);
    found.set(name, (found.get(name) || 0) + 1);
    figure.dataset.run = JSON.stringify({ begin, end, steps: path.length - 1 });
    draw(end);
    tell(name);
  }

  function tell(name) {
    const runs = EM.sum([...found.values()]);
    const sorted = [...found].sort((a, b) => (Number(b[0]) || -1e9) - (Number(a[0]) || -1e9));
    list.replaceChildren();
    for (const [height, times] of sorted) {
      const item = stage.html("li", height === name ? "e-now" : "", list);
      const known = Math.abs(Number(height) - best[k]) < 0.011 ? ", the best known" : "";
      item.textContent = `${height}${Number(height) ? " nats" + known : ""}: ${times} of ${runs}`;
    }
    stage.words.textContent = name
      ? `Run ${runs}, K = ${k}: ${Number(name) ? `a summit at ${name} nats` : `it ${name}`}; ${found.size} different ends so far.`
      : `K = ${k}, best known ${best[k].toFixed(2)} nats. How many starts will find it? Guess, then try.`;
  }

  function reset(value) {
    [k, seed, found] = [value, 0, new Map()];
    stage.clear();
    tell("");
    kinds.setAttribute("aria-valuetext", `${k} components`);
  }
  const kinds = stage.slider("K", { min: 2, max: 4, step: 1, value: k }, reset);
  stage.button("Another start", again);
  stage.button("Twenty more", () => {
    for (let i = 0; i < 20; i++) again();
  });
  reset(k);
});
