// Chapter 7: one temperature between hard EM and total indecision, on the death notices.
Stage.each("heat", (figure, { data, start }) => {
  const last = data.x[data.x.length - 1];
  const stage = new Stage(figure, {
    height: 340, x: [-0.5, last + 0.5], y: [0, 1], ticks: [data.x, 5],
    labels: ["death notices in a day", "share of kind 2"],
  });
  const family = EM.poissons;
  let model = start, temperature = 1, steps = 0;

  function show() {
    const r = EM.eStep(family, model, data, temperature);
    const half = (stage.X(1) - stage.X(0)) * 0.36;
    stage.clear();
    const most = Math.max(...data.w);
    data.x.forEach((x, i) => {
      const height = 0.9 * (data.w[i] / most); // how many such days, in the ground
      stage.add("rect", { x: stage.X(x) - half, y: stage.Y(height), width: 2 * half, height: stage.Y(0) - stage.Y(height), class: "e-bar e-ground" }, stage.under);
    });
    stage.line(data.x.map((x, i) => [x, r[i][1]]), "e-curve e-two");
    data.x.forEach((x, i) => stage.dot(x, r[i][1], "e-two e-fill", 6));
    const [low, high] = model.rates.map((v) => v.toFixed(4));
    const height = EM.logLikelihood(family, model, data);
    stage.words.textContent =
      `Temperature ${temperature.toFixed(2)}: rates ${low} and ${high} a day, weight of kind 2 ${model.weights[1].toFixed(4)}, ` +
      `log-likelihood ${height.toFixed(3)} nats, after ${steps} steps. ` +
      (Math.min(...model.weights) < 1e-6 ? "One kind has lost all its days." : "Grey: how often each number of notices occurs.");
    figure.dataset.model = JSON.stringify({ ...model, temperature });
    slider.setAttribute("aria-valuetext", temperature.toFixed(2));
  }

  const slider = stage.slider("Temperature, from cold to hot", { min: -3, max: 1.5, step: 0.05, value: 0 }, (v) => {
    temperature = Math.exp(v);
    show();
  });
  stage.button("One step", () => {
    const path = EM.climb(family, model, data, { temperature, most: 1 }); // none if a kind is empty
    model = path[path.length - 1];
    steps += path.length - 1;
    show();
  });
  stage.button("To rest", () => {
    const path = EM.climb(family, model, data, { temperature, most: 5000 });
    model = path[path.length - 1];
    steps += path.length - 1;
    show();
  });
  stage.button("Start again", () => {
    [model, steps] = [start, 0];
    show();
  });
  show();
});
