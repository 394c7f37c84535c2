// Chapter 3: place two means on the geyser's waits, predict, and take the E and M steps by hand.
Stage.each("waits", (figure, { data, start }) => {
  const most = Math.max(...data.w);
  const stage = new Stage(figure, {
    height: 380, x: [40, 100], y: [0, Math.ceil(most / 5) * 5], ticks: [7, 4],
    labels: ["wait until the next eruption, minutes", "how many waits"],
  });
  const family = EM.normals;
  let model, r, guess, steps;

  function bars() {
    const half = (stage.X(1) - stage.X(0)) / 2 - 0.8;
    data.x.forEach((x, i) => {
      const shares = r ? [data.w[i] * r[i][0], data.w[i] * r[i][1]] : [data.w[i]];
      let from = 0;
      shares.forEach((share, k) => {
        const place = { x: stage.X(x) - half, y: stage.Y(from + share), width: 2 * half, height: stage.Y(from) - stage.Y(from + share) };
        stage.add("rect", { ...place, class: r ? `e-bar e-${["one", "two"][k]}` : "e-bar e-data" }, stage.under);
        from += share;
      });
    });
  }

  function curves() {
    const n = EM.sum(data.w);
    const line = Array.from({ length: 241 }, (_, i) => 40 + i / 4);
    model.weights.forEach((p, k) => {
      const height = (x) => n * p * Math.exp(family.log(model, k, x));
      stage.line(line.map((x) => [x, Math.min(stage.range.y[1], height(x))]), `e-curve e-${["one", "two"][k]}`);
    });
  }

  function show(words) {
    stage.clear();
    bars();
    curves();
    model.means.forEach((mean, k) => {
      stage.add("line", { x1: stage.X(mean), x2: stage.X(mean), y1: stage.box.top, y2: stage.box.bottom, class: `e-mean e-${["one", "two"][k]}` }, stage.under);
    });
    if (guess !== null) {
      stage.write("your guess", { x: stage.X(guess), y: stage.box.top + 10, class: "e-guess", "text-anchor": "middle" }, stage.under);
      stage.add("line", { x1: stage.X(guess), x2: stage.X(guess), y1: stage.box.top + 14, y2: stage.box.bottom, class: "e-guess" }, stage.under);
    }
    model.means.forEach((mean, k) => handles[k](mean, 0));
    [e.disabled, m.disabled] = [r !== null, r === null];
    const height = EM.logLikelihood(family, model, data);
    const means = model.means.map((v) => v.toFixed(2)).join(" and ");
    const spreads = model.variances.map((v) => Math.sqrt(v).toFixed(2)).join(" and ");
    stage.words.textContent = `${words} Means ${means}, standard deviations ${spreads} minutes; log-likelihood ${height.toFixed(3)} nats after ${steps} steps.`;
    figure.dataset.model = JSON.stringify(model);
  }

  function begin(means) {
    model = { weights: [0.5, 0.5], means, variances: [start.variance, start.variance] };
    [r, guess, steps] = [null, null, 0];
    show("Drag the two means, or use arrow keys; then take the E-step.");
  }
  const handles = ["one", "two"].map((name, k) =>
    stage.handle(`Mean of kind ${k + 1}, minutes`, `e-${name}`, "x", 0.5, (x) => begin(model.means.map((v, j) => (j === k ? x : v)))),
  );
  const e = stage.button("E-step: share the waits out", () => {
    r = EM.eStep(family, model, data);
    show("Each bar is shared between the kinds. Where will the first mean go? Move your guess, then take the M-step.");
  });
  stage.slider("Your guess", { min: 40, max: 100, step: 0.5, value: 60 }, (v) => {
    guess = v;
    show("Your guess is marked.");
  });
  const m = stage.button("M-step: move the kinds", () => {
    model = EM.mStep(family, model, data, r);
    [r, steps] = [null, steps + 1];
    const miss = guess === null ? "" : ` Your guess missed the first mean by ${Math.abs(guess - model.means[0]).toFixed(2)} minutes.`;
    show(`The kinds have moved to the averages of their shares.${miss}`);
  });
  stage.button("To the summit", () => {
    const path = EM.climb(family, model, data);
    model = path[path.length - 1];
    [r, steps] = [null, steps + path.length - 1];
    show("No step moves it any more.");
  });
  stage.button("Start again", () => begin(start.means.slice()));
  begin(start.means.slice());
});
