// EM for the mixtures that readers can play with: the arithmetic, and nothing that is drawn.
// A model is a plain object; data are rows x with weights w (how often each row occurs).
// docs/tests/test_explorables.py compares each iterate with emlib's.
window.EM = (() => {
  "use strict";

  const xlogy = (x, y) => (x === 0 ? 0 : x * Math.log(y));
  const sum = (values) => values.reduce((a, b) => a + b, 0);

  function logSumExp(a) {
    const top = Math.max(...a);
    return top === -Infinity ? top : top + Math.log(sum(a.map((v) => Math.exp(v - top))));
  }

  function logFactorial(n) {
    let total = 0;
    for (let i = 2; i <= n; i++) total += Math.log(i);
    return total;
  }

  const coins = {
    // Rows are [heads, tosses]; both coins are equally likely, and that is known.
    log: (m, k, [h, n]) =>
      logFactorial(n) - logFactorial(h) - logFactorial(n - h) +
      xlogy(h, m.probabilities[k]) + xlogy(n - h, 1 - m.probabilities[k]),
    best: (m, data, r, counts) => ({
      weights: m.weights,
      probabilities: counts.map(
        (_, k) =>
          sum(data.x.map(([h], i) => data.w[i] * r[i][k] * h)) /
          sum(data.x.map(([, n], i) => data.w[i] * r[i][k] * n)),
      ),
    }),
  };

  const normals = {
    log: (m, k, x) =>
      -0.5 * (Math.log(2 * Math.PI * m.variances[k]) + (x - m.means[k]) ** 2 / m.variances[k]),
    best: (m, data, r, counts) => {
      const mean = (k, f) => sum(data.x.map((x, i) => data.w[i] * r[i][k] * f(x))) / counts[k];
      const means = counts.map((_, k) => mean(k, (x) => x));
      const variances = counts.map((_, k) => mean(k, (x) => (x - means[k]) ** 2));
      return { weights: counts.map((c) => c / sum(counts)), means, variances };
    },
  };

  const poissons = {
    log: (m, k, x) => xlogy(x, m.rates[k]) - m.rates[k] - logFactorial(x),
    best: (m, data, r, counts) => ({
      weights: counts.map((c) => c / sum(counts)),
      rates: counts.map((c, k) => sum(data.x.map((x, i) => data.w[i] * r[i][k] * x)) / c),
    }),
  };

  const joint = (family, m, x) => m.weights.map((p, k) => Math.log(p) + family.log(m, k, x));

  // Responsibilities (N, K): at a temperature other than 1, those of tempered EM (eq. 7.15).
  function eStep(family, m, data, temperature = 1) {
    return data.x.map((x) => {
      const a = joint(family, m, x).map((v) => v / temperature);
      const total = logSumExp(a);
      return a.map((v) => Math.exp(v - total));
    });
  }

  function mStep(family, m, data, r) {
    const counts = m.weights.map((_, k) => sum(data.x.map((_, i) => data.w[i] * r[i][k])));
    return family.best(m, data, r, counts);
  }

  const logLikelihood = (family, m, data) =>
    sum(data.x.map((x, i) => data.w[i] * logSumExp(joint(family, m, x))));

  const step = (family, m, data, temperature = 1) =>
    mStep(family, m, data, eStep(family, m, data, temperature));

  // Climb until a step gains less than `tol`, or something has collapsed; return all iterates.
  function climb(family, m, data, { temperature = 1, tol = 1e-9, most = 3000 } = {}) {
    const path = [m];
    for (let before = -Infinity; path.length <= most; ) {
      const next = step(family, path[path.length - 1], data, temperature);
      const height = logLikelihood(family, next, data);
      if (!Number.isFinite(height) || Math.min(...next.weights) < 1e-12) break;
      if (next.variances && Math.min(...next.variances) < 1e-6) break;
      path.push(next);
      if (temperature === 1 ? height - before < tol : moved(path) < 1e-10) return path;
      before = height;
    }
    return path;
  }

  const numbers = (m) => Object.values(m).flat();
  function moved(path) {
    const [a, b] = path.slice(-2).map(numbers);
    return Math.max(...a.map((v, i) => Math.abs(v - b[i])));
  }

  return { coins, normals, poissons, eStep, mStep, step, climb, logLikelihood, sum };
})();
