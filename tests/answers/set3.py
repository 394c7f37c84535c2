"""Right and wrong answers to assignment 3."""

# --- expected-lives


def _lives(body: str) -> str:
    return f"def expected_lives(t, died, rate):\n    return {body}\n"


# --- which-make

_MAKE = """
def which_make(t, died, weights, rates):
    density = {density}
    survival = {survival}
    a = {prior}np.where({dead}[:, None], density, survival)
    return {end}
"""


def _make(**change: str) -> str:
    usual = {
        "density": "np.log(rates) - rates * t[:, None]",
        "survival": "-rates * t[:, None]",
        "prior": "np.log(weights) + ",
        "dead": "died",
        "end": "np.exp(a - logsumexp(a, axis=1, keepdims=True))",
    }
    return _MAKE.format(**(usual | change))


# --- censored-step

_STEP = """
def censored_step(t, died, weights, rates):
    a = np.log(weights) - rates * t[:, None] + {death}
    r = np.exp(a - logsumexp(a, axis=1, keepdims=True))
    lives = {lives}
    counts = {counts}
    weights = {weights}
    rates = {rates}
    return {end}
"""


def _step(**change: str) -> str:
    usual = {
        "death": "np.where(died[:, None], np.log(rates), 0)",
        "lives": "t[:, None] + ~died[:, None] / rates",
        "counts": "r.sum(axis=0)",
        "weights": "counts / len(t)",
        "rates": "counts / (r * lives).sum(axis=0)",
        "end": "weights, rates",
    }
    return _STEP.format(**(usual | change))


# --- log-shares

_SHARES = """
def log_shares(x, weights, mean, variances):
    a = {weight}{scale}- (x[:, None] - mean) ** 2 / (2 * variances)
    return {end}
"""


def _shares(**change: str) -> str:
    usual = {
        "weight": "np.log(weights) ",
        "scale": "- 0.5 * np.log(variances) ",
        "end": "a - logsumexp(a, axis=1, keepdims=True)",
    }
    return _SHARES.format(**(usual | change))


# --- shared-mean-step

_SHARED = """
def shared_mean_step(x, r, variances):
    counts = r.sum(axis=0)
    weights = {weights}
    own = r.T @ x / counts
    mean = {mean}
    new = {new}
    return {end}
"""


def _shared(**change: str) -> str:
    usual = {
        "weights": "counts / len(x)",
        "mean": "(counts / variances) @ own / (counts / variances).sum()",
        "new": "(r * (x[:, None] - mean) ** 2).sum(axis=0) / counts",
        "end": "weights, mean, new",
    }
    return _SHARED.format(**(usual | change))


RIGHT: dict[str, list[str]] = {
    "expected-lives": [
        """
def expected_lives(t, died, rate):
    lives = []
    for seen, dead in zip(t, died):
        lives.append(float(seen) if dead else float(seen) + 1.0 / rate)
    return lives
""",
        """
def expected_lives(t, died, rate):
    from scipy.integrate import quad

    lives = t.copy()
    for n in np.flatnonzero(~died):
        lives[n] += quad(lambda s: np.exp(-rate * s), 0, np.inf)[0]
    return lives
""",
        _lives("t + (1 - died) / rate"),
    ],
    "which-make": [
        """
def which_make(t, died, weights, rates):
    table = []
    for seen, dead in zip(t, died):
        row = [np.log(w) - rate * seen + (np.log(rate) if dead else 0)
               for w, rate in zip(weights, rates)]
        total = logsumexp(row)
        table.append([float(np.exp(a - total)) for a in row])
    return table
""",
        """
def which_make(t, died, weights, rates):
    a = np.outer(rates, -t) + np.log(weights)[:, None]
    a += np.log(rates)[:, None] * died
    a -= a.max(axis=0)
    r = np.exp(a)
    return (r / r.sum(axis=0)).T
""",
        """
def which_make(t, died, weights, rates):
    from scipy.stats import expon

    make = expon(scale=1 / rates)
    seen = np.where(died[:, None], make.logpdf(t[:, None]), make.logsf(t[:, None]))
    odds = np.log(weights) + seen
    return 1 / np.exp(odds[:, None, :] - odds[:, :, None]).clip(max=1e300).sum(axis=2)
""",
    ],
    "censored-step": [
        """
def censored_step(t, died, weights, rates):  # deaths, and lives by a sum over the survivors
    from collections import Counter

    total = np.zeros((2, len(rates)))
    for (seen, dead), n in Counter(zip(t.tolist(), died.tolist())).items():
        a = np.log(weights) + (np.log(rates) if dead else 0) - rates * seen
        r = n * np.exp(a - np.logaddexp.reduce(a))
        total += r, r * (seen + (0 if dead else 1) / rates)
    return total[0] / total[0].sum(), total[0] / total[1]
""",
        """
def censored_step(t, died, weights, rates):
    K = len(rates)
    counts, hours = np.zeros(K), np.zeros(K)
    for seen, dead in zip(t, died):
        a = np.log(weights) - rates * seen + (np.log(rates) if dead else 0)
        r = np.exp(a - logsumexp(a))
        counts += r
        hours += r * (seen if dead else seen + 1 / rates)
    return list(counts / counts.sum()), list(counts / hours)
""",
        """
def censored_step(t, died, weights, rates):
    a = np.log(weights) - np.outer(t, rates) + np.where(died[:, None], np.log(rates), 0)
    p = np.exp(a - a.max(axis=1, keepdims=True))
    r = p / p.sum(axis=1, keepdims=True)
    watched = r.T @ t
    remaining = r[~died].sum(axis=0) / rates
    mean_life = (watched + remaining) / r.sum(axis=0)
    return r.mean(axis=0), 1 / mean_life
""",
        _step(end="np.array([weights, rates])"),
    ],
    "log-shares": [
        """
def log_shares(x, weights, mean, variances):  # from differences, component by component
    d2 = np.subtract.outer(x, mean) ** 2
    table = []
    for w, v in zip(weights, variances):
        others = [
            np.log(u / w) + 0.5 * np.log(v / s) + 0.5 * d2 * (1 / v - 1 / s)
            for u, s in zip(weights, variances)
        ]
        table.append(-np.logaddexp.reduce(others))
    return np.transpose(table)
""",
        """
def log_shares(x, weights, mean, variances):
    table = np.empty((len(weights), len(x)))
    for k in range(len(weights)):
        table[k] = np.log(weights[k]) - np.log(np.sqrt(variances[k]))
        table[k] -= 0.5 * ((x - mean) / np.sqrt(variances[k])) ** 2
    top = table.max(axis=0)
    return (table - top - np.log(np.exp(table - top).sum(axis=0))).T
""",
        """
def log_shares(x, weights, mean, variances):
    from scipy.stats import norm

    rows = []
    for value in x:
        a = np.log(weights) + norm.logpdf(value, mean, np.sqrt(variances))
        rows.append([-logsumexp(a - a[k]) for k in range(len(a))])
    return rows
""",
        """
def log_shares(x, weights, mean, variances):
    from scipy.special import log_softmax

    d2 = (x[:, None] - mean) ** 2
    return log_softmax(np.log(weights) - 0.5 * (np.log(variances) + d2 / variances), axis=1)
""",
    ],
    "shared-mean-step": [
        """
def shared_mean_step(x, r, variances):  # by a search for the mean, and moments for the rest
    from scipy.optimize import minimize

    def loss(m):
        return (r / variances * (x[:, None] - m[0]) ** 2).sum()

    slope = lambda m: np.array([(-2 * r / variances * (x[:, None] - m[0])).sum()])  # noqa: E731
    mean = float(minimize(loss, [np.median(x)], jac=slope, tol=1e-12).x[0])
    first, second = x @ r / r.sum(axis=0), x**2 @ r / r.sum(axis=0)
    return r.mean(axis=0).tolist(), mean, (second - 2 * mean * first + mean**2).tolist()
""",
        """
def shared_mean_step(x, r, variances):
    N, K = r.shape
    top = bottom = 0.0
    for n in range(N):
        for k in range(K):
            top += r[n, k] * x[n] / variances[k]
            bottom += r[n, k] / variances[k]
    mu = top / bottom
    new = [sum(r[n, k] * (x[n] - mu) ** 2 for n in range(N)) / sum(r[:, k]) for k in range(K)]
    return [sum(r[:, k]) / N for k in range(K)], mu, new
""",
        _shared(
            mean="np.average(x, weights=r @ (1 / variances))",
            new="np.array([np.average((x - mean) ** 2, weights=w) for w in r.T])",
        ),
        _shared(new="(r * (x[:, None] - own) ** 2).sum(axis=0) / counts + (own - mean) ** 2"),
    ],
}

WRONG: dict[str, list[tuple[str, str, str]]] = {
    "expected-lives": [
        (
            "burning bulbs live no longer than the last death",
            _lives("np.where(died, t, np.minimum(t + 1 / rate, t.max() + 1))"),
            "What is the mean of the life, given what was",
        ),
        (
            "one column",
            _lives("np.where(died, t, t + 1 / rate)[:, None]"),
            "has (5, 1)",
        ),
        (
            "half a mean life more",
            _lives("np.where(died, t, t + 0.5 / rate)"),
            "What is the mean of the life, given what was",
        ),
        (
            "a dead bulb must be there",
            _lives("np.where(died, t, t + 1 / rate + 0 * t[died].max())"),
            "zero-size array to reduction operation maximum",
        ),
        (
            "a burning bulb must be there",
            _lives("np.where(died, t, t + 1 / rate) + 0 * t[~died].max()"),
            "zero-size array to reduction operation maximum",
        ),
        ("survivors counted as dead", _lives("t"), "you count it as dead"),
        (
            "the mean life of a new bulb for one that burns",
            _lives("np.where(died, t, 1 / rate)"),
            "forget the time that it has burnt already",
        ),
        ("remaining life added to every bulb", _lives("t + 1 / rate"), "you add some to every"),
        (
            "dead and burning exchanged",
            _lives("np.where(died, t + 1 / rate, t)"),
            "to the dead bulbs, not to the burning ones",
        ),
        ("rate taken for the mean", _lives("np.where(died, t, t + rate)"), "Look at the units"),
        (
            "the longest time watched for all",
            _lives("np.where(died, t, t.max() + 1 / rate)"),
            "Each burning bulb has its own t",
        ),
        (
            "median for the mean",
            _lives("np.where(died, t, t + np.log(2) / rate)"),
            "median of the remaining life",
        ),
        (
            "the larger of mean life and time watched",
            _lives("np.where(died, t, np.maximum(t, 1 / rate))"),
            "wears nothing out",
        ),
        (
            "mean of the dead for the burning",
            _lives("np.where(died, t, t[died].mean())"),
            "the mean life of the dead ones",
        ),
        (
            "input changed in place",
            "def expected_lives(t, died, rate):\n    t[~died] += 1 / rate\n    return t\n",
            "changes its input in place",
        ),
        (
            "only the burning bulbs returned",
            _lives("t[~died] + 1 / rate"),
            "should have shape (5,), but has (2,)",
        ),
        (
            "answer for the visible data stored",
            _lives("np.array([0.4, 1.7, 5.0, 0.1, 2.8])"),
            "Does it use its arguments?",
        ),
    ],
    "which-make": [
        (
            "a dead bulb must be there",
            _make(end="np.exp(a - logsumexp(a, axis=1, keepdims=True)) + 0 * t[died].max()"),
            "zero-size array to reduction operation maximum",
        ),
        (
            "two makes only",
            _make(
                end="np.column_stack([p := 1 / (1 + np.exp(a[:, 1] - a[:, 0])), 1 - p])",
            ),
            "The array of responsibilities should have shape",
        ),
        (
            "verdicts",
            _make(end="np.eye(len(rates))[a.argmax(axis=1)]"),
            "Which probability has what was seen, under each",
        ),
        (
            "a small number against 0/0",
            _make(end="np.exp(a) / (np.exp(a).sum(axis=1, keepdims=True) + 1e-300)"),
            "The array of responsibilities for very long lives",
        ),
        (
            "far lives split evenly",
            """
def which_make(t, died, weights, rates):
    p = weights * np.exp(-rates * t[:, None]) * np.where(died[:, None], rates, 1)
    total = p.sum(axis=1, keepdims=True)
    return np.where(total > 0, p / np.where(total > 0, total, 1), 1 / len(rates))
""",
            "The array of responsibilities for very long lives",
        ),
        (
            "died taken for an index",
            _make(dead="(np.arange(len(t)) < died.sum())"),
            "Which probability has what was seen, under each",
        ),
        (
            "t changed in place",
            _make().replace("    density =", "    t[~died] += 1e-3\n    density ="),
            "changes its input in place",
        ),
        (
            "survivors get a density",
            _make(survival="np.log(rates) - rates * t[:, None]"),
            "as if they had died when the test ended",
        ),
        (
            "everybody gets a survival probability",
            _make(density="-rates * t[:, None]"),
            "as if they still burnt",
        ),
        ("dead and burning exchanged", _make(dead="(~died)"), "are exchanged"),
        ("weights left out", _make(prior=""), "The weights are missing"),
        (
            "rates taken for mean lives",
            _make(density="-np.log(rates) - t[:, None] / rates", survival="-t[:, None] / rates"),
            "used as mean lives",
        ),
        (
            "normalised over the bulbs",
            _make(end="np.exp(a - logsumexp(a, axis=0))"),
            "is the division over the right axis?",
        ),
        ("log joint returned", _make(end="a"), "must not be negative"),
        ("joint not normalised", _make(end="np.exp(a)"), "must sum to 1"),
        (
            "weights for the burning bulbs",
            _make(
                end="np.where(died[:, None], np.exp(a - logsumexp(a, axis=1, keepdims=True)), "
                "weights)"
            ),
            "as if nothing were known of it",
        ),
        (
            "densities divided without logarithms",
            _make(end="np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)"),
            "both densities underflow",
        ),
        ("transposed", _make(end="np.exp(a - logsumexp(a, axis=1, keepdims=True)).T"), "transp"),
        (
            "answer for the visible data stored",
            "stored = [[0.629982953, 0.370017047], [0.148950492, 0.851049508],\n"
            "          [0.002243890, 0.997756110], [0.742144321, 0.257855679],\n"
            "          [0.095582801, 0.904417199]]\n\n\n"
            "def which_make(t, died, weights, rates):\n    return stored\n",
            "Does it use its arguments?",
        ),
    ],
    "censored-step": [
        (
            "a dead bulb must be there",
            _step(rates="counts / (r * lives).sum(axis=0) + 0 * t[died].max()"),
            "zero-size array to reduction operation maximum",
        ),
        (
            "a burning bulb must be there",
            _step(rates="counts / (r * lives).sum(axis=0) + 0 * t[~died].max()"),
            "zero-size array to reduction operation maximum",
        ),
        (
            "rates renewed before the lives",
            _step(
                lives="t[:, None] + ~died[:, None] * (r * t[:, None]).sum(axis=0) / r.sum(axis=0)"
            ),
            "Set the derivative of Q to zero, with expected",
        ),
        (
            "verdicts",
            _step(counts="(r := np.eye(len(rates))[a.argmax(axis=1)]).sum(axis=0)"),
            "Are the responsibilities right?",
        ),
        (
            "mean of the lives' inverses",
            _step(rates="(r / lives).sum(axis=0) / counts"),
            "Set the derivative of Q to zero, with expected",
        ),
        (
            "counts less one",
            _step(rates="(counts - 1) / (r * lives).sum(axis=0)"),
            "Set the derivative of Q to zero, with expected",
        ),
        (
            "survival in the E-step taken for one",
            _step(death="np.where(died[:, None], np.log(rates), rates * t[:, None])"),
            "Are the responsibilities right?",
        ),
        (
            "t changed in place",
            _step().replace("    a =", "    t[~died] += 1 / rates.mean()\n    a ="),
            "changes its input in place",
        ),
        (
            "old weights in the rates",
            _step(rates="len(t) * np.array(weights) / (r * lives).sum(axis=0)")
            .replace(
                "    weights = counts / len(t)\n    rates = ",
                "    rates = ",
            )
            .replace("    return weights,", "    return counts / len(t),"),
            "Set the derivative of Q to zero, with expected",
        ),
        (
            "plain products, which underflow",
            """
def censored_step(t, died, weights, rates):
    p = weights * np.exp(-np.outer(t, rates)) * np.where(died[:, None], rates, 1)
    r = p / p.sum(axis=1, keepdims=True)
    mean_life = (r.T @ t + r[~died].sum(axis=0) / rates) / r.sum(axis=0)
    return r.mean(axis=0), 1 / mean_life
""",
            "A life of 9000 gives NaN",
        ),
        (
            "survivors counted as dead in the M-step",
            _step(lives="t[:, None]"),
            "if the burning bulbs had died",
        ),
        (
            "survivors counted as dead in the E-step",
            _step(death="np.log(rates)"),
            "treats the burning bulbs as if they had died",
        ),
        (
            "survivors dropped",
            _step(
                weights="r[died].mean(axis=0)",
                rates="r[died].sum(axis=0) / (r * t[:, None])[died].sum(axis=0)",
            ),
            "You count the dead bulbs only",
        ),
        (
            "survivors dropped from the rates",
            _step(rates="r[died].sum(axis=0) / (r * t[:, None])[died].sum(axis=0)"),
            "makes lives too short",
        ),
        (
            "deaths over the time watched",
            _step(rates="r[died].sum(axis=0) / (r * t[:, None]).sum(axis=0)"),
            "count every bulb, with its expected life",
        ),
        ("mean lives returned", _step(rates="(r * lives).sum(axis=0) / counts"), "one over a"),
        ("counts returned for weights", _step(weights="counts"), "weights sum to one"),
        ("weights not renewed", _step(weights="weights + 0"), "have not moved"),
        (
            "rates not renewed",
            _step(rates="rates"),
            "The rates have not moved",
        ),
        (
            "one remaining life for all makes",
            _step(lives="t[:, None] + ~died[:, None] / (r @ rates)[:, None]"),
            "must depend on its make",
        ),
        (
            "expected lives averaged over the makes",
            _step(lives="t[:, None] + ~died[:, None] * (r @ (1 / rates))[:, None]"),
            "must depend on its make",
        ),
        (
            "the mean life in the box for all",
            _step(lives="t[:, None] + ~died[:, None] * (weights / rates).sum()"),
            "must depend on its make",
        ),
        (
            "time burnt forgotten",
            _step(lives="np.where(died[:, None], t[:, None], 1 / rates)"),
            "comes on top",
        ),
        (
            "lives not weighted",
            _step(rates="counts / lives.sum(axis=0)"),
            "must be weighted with the responsibilities",
        ),
        ("N for the counts", _step(rates="len(t) / (r * lives).sum(axis=0)"), "You divide N"),
        ("wrong order", _step(end="rates, weights"), "in the wrong order"),
        ("weights only", _step(end="weights"), "should return 2 things"),
        (
            "answer for the visible data stored",
            """
def censored_step(t, died, weights, rates):
    return [0.323780891, 0.676219109], [2.275229082, 0.261167679]
""",
            "Does it use its arguments?",
        ),
    ],
    "log-shares": [
        (
            "a small number beside the weights",
            _shares(weight="np.log(weights + 1e-12) "),
            "Is something added to a weight, or to a density,",
        ),
        (
            "kept above -700",
            _shares(end="np.maximum(a - logsumexp(a, axis=1, keepdims=True), -700)"),
            "The table, for wild readings, is off at index (3,",
        ),
        (
            "readings cut at ten standard deviations",
            _shares().replace(
                "    a =",
                "    s = 10 * np.sqrt(variances.max())\n    x = np.clip(x, mean - s, mean + s)\n"
                "    a =",
            ),
            "The table, for wild readings, is off at index (3,",
        ),
        (
            "readings changed in place",
            _shares().replace("    a =", "    x -= mean\n    mean = 0\n    a ="),
            "changes its input in place",
        ),
        (
            "shifted by the largest of all readings",
            _shares(end="a - a.max() - np.log(np.exp(a - a.max()).sum(axis=1, keepdims=True))"),
            "At a reading of -498.9 volts a log responsibility",
        ),
        (
            "transposed",
            _shares(end="(a - logsumexp(a, axis=1, keepdims=True)).T"),
            "transp",
        ),
        (
            "factor one half left out",
            _shares().replace("(2 * variances)", "variances"),
            "Compare (3.14)",
        ),
        (
            "responsibilities returned",
            _shares(end="np.exp(a - logsumexp(a, axis=1, keepdims=True))"),
            "their logarithms are wanted",
        ),
        ("log joint returned", _shares(end="a - 0.5 * np.log(2 * np.pi)"), "is the log joint"),
        ("weights left out", _shares(weight=""), "The weights are missing"),
        ("term with the variance left out", _shares(scale=""), "A term of (3.3) is missing"),
        (
            "variances squared",
            _shares().replace("    a =", "    variances = variances**2\n    a ="),
            "do not square them",
        ),
        (
            "root of the variances",
            _shares().replace("    a =", "    variances = np.sqrt(variances)\n    a ="),
            "where you put its root",
        ),
        (
            "normalised over the readings",
            _shares(end="a - logsumexp(a, axis=0)"),
            "is the sum over the right axis?",
        ),
        (
            "logarithm taken at the end",
            _shares(end="np.log(np.exp(a - logsumexp(a, axis=1, keepdims=True)))"),
            "had been exponentiated before",
        ),
        (
            "densities divided, then the logarithm",
            _shares(end="np.log(np.exp(a) / np.exp(a).sum(axis=1, keepdims=True))"),
            "gives NaN",
        ),
        (
            "a small number added before the logarithm",
            _shares(end="np.log(np.exp(a - logsumexp(a, axis=1, keepdims=True)) + 1e-300)"),
            "for wild readings",
        ),
        (
            "base 10",
            _shares(end="np.log10(np.exp(a - logsumexp(a, axis=1, keepdims=True)))"),
            "to base 10",
        ),
        (
            "answer for the visible data stored",
            """
stored = [[-0.0727381188, -2.65703832], [-0.103789176, -2.31683938], [-0.0645385211, -2.77258872],
          [-62.7556998, 0], [-116.2157, 0], [-0.0665004103, -2.74361311],
          [-0.103789176, -2.31683938], [-195.29195, 0]]


def log_shares(x, weights, mean, variances):
    return stored
""",
            "Does it use its arguments?",
        ),
    ],
    "shared-mean-step": [
        (
            "readings beyond three standard deviations left out",
            """
def shared_mean_step(x, r, variances):
    kept = np.abs(x - np.median(x)) < 3 * np.sqrt(variances.max())
    a = (r / variances).sum(axis=1) * kept
    mean = a @ x / a.sum()
    new = (r * kept[:, None] * (x[:, None] - mean) ** 2).sum(axis=0) / r[kept].sum(axis=0)
    return r.mean(axis=0), mean, new
""",
            "with a reading of 92 V",
        ),
        (
            "readings changed in place",
            """
def shared_mean_step(x, r, variances):
    a = (r / variances).sum(axis=1)
    mean = a @ x / a.sum()
    x -= mean
    return r.mean(axis=0), mean, x**2 @ r / r.sum(axis=0)
""",
            "changes its input in place",
        ),
        (
            "median for the mean",
            _shared(mean="np.median(x)"),
            "Set the derivative of Q with respect to the mean",
        ),
        (
            "mean of the largest component",
            _shared(mean="own[counts.argmax()]"),
            "Set the derivative of Q with respect to the mean",
        ),
        (
            "smallest variance decides",
            _shared(mean="own[variances.argmin()]"),
            "Set the derivative of Q with respect to the mean",
        ),
        (
            "variances about the old median",
            _shared(new="(r * (x[:, None] - np.median(x)) ** 2).sum(axis=0) / counts"),
            "Hold the new mean, and maximise Q over each",
        ),
        (
            "variances of the readings of each, as verdicts",
            _shared(
                new="np.array([((x - mean) ** 2)[r.argmax(axis=1) == k].mean() "
                "for k in range(len(counts))])"
            ),
            "Hold the new mean, and maximise Q over each",
        ),
        (
            "a small number on every variance",
            _shared(new="(r * (x[:, None] - mean) ** 2).sum(axis=0) / counts + 1e-6"),
            "Hold the new mean, and maximise Q over each",
        ),
        (
            "the mean in an array of one for each",
            _shared(end="weights, np.full(len(counts), mean), new"),
            "The components share their mean",
        ),
        (
            "variances of at least 0.01",
            """
def shared_mean_step(x, r, variances):
    a = (r / variances).sum(axis=1)
    mean = a @ x / a.sum()
    new = (r * (x[:, None] - mean) ** 2).sum(axis=0) / r.sum(axis=0)
    return r.mean(axis=0), mean, np.maximum(new, 0.01)
""",
            "readings in hundredths of a volt",
        ),
        (
            "readings far out left out",
            """
def shared_mean_step(x, r, variances):
    kept = np.abs(x - np.median(x)) < 40
    a = (r / variances).sum(axis=1) * kept
    mean = a @ x / a.sum()
    new = (r * kept[:, None] * (x[:, None] - mean) ** 2).sum(axis=0) / r[kept].sum(axis=0)
    return r.mean(axis=0), mean, new
""",
            "with a reading of 92 V",
        ),
        ("plain mean", _shared(mean="x.mean()"), "That is the plain mean"),
        ("a mean for each", _shared(mean="own"), "The components share their mean"),
        ("average of the means", _shared(mean="own.mean()"), "average of the components' own"),
        ("weighted with the counts only", _shared(mean="weights @ own"), "That is the plain mean"),
        (
            "precisions without counts",
            _shared(mean="np.average(own, weights=1 / variances)"),
            "number of readings behind them",
        ),
        (
            "divided by standard deviations",
            _shared(mean="np.average(x, weights=r @ (1 / np.sqrt(variances)))"),
            "Which power of sigma",
        ),
        (
            "weighted with variances",
            _shared(mean="np.average(x, weights=r @ variances)"),
            "careless readings count most",
        ),
        (
            "precision of the average variance",
            _shared(mean="np.average(x, weights=1 / (r @ variances))"),
            "Average what stands in Q",
        ),
        (
            "variances renewed before the mean",
            _shared(mean="np.average(x, weights=r @ (1 / (((x - x.mean()) ** 2) @ r / counts)))"),
            "You renew the variances first",
        ),
        (
            "pass repeated to the end",
            """
def shared_mean_step(x, r, variances):
    counts = r.sum(axis=0)
    for _ in range(1000):
        mean = np.average(x, weights=r @ (1 / variances))
        variances = (x - mean) ** 2 @ r / counts
    return counts / len(x), mean, variances
""",
            "Here one pass is wanted",
        ),
        (
            "variances about own means",
            _shared(new="(r * (x[:, None] - own) ** 2).sum(axis=0) / counts"),
            "The mean is shared",
        ),
        ("divided by N", _shared(new="(x - mean) ** 2 @ r / len(x)"), "not by N"),
        (
            "standard deviations returned",
            _shared(new="np.sqrt((x - mean) ** 2 @ r / counts)"),
            "variances are wanted",
        ),
        ("one common variance", _shared(new="np.full(2, ((x - mean) ** 2).mean())"), "its own"),
        ("variances not renewed", _shared(new="variances"), "have not moved"),
        (
            "variances about the plain mean",
            _shared(new="(x - x.mean()) ** 2 @ r / counts"),
            "about the plain mean",
        ),
        ("counts for weights", _shared(weights="counts"), "weights sum to one"),
        (
            "answer for the visible data stored",
            """
stored = []


def shared_mean_step(x, r, variances):
    if not stored:
        mean = np.average(x, weights=r @ (1 / variances))
        new = (x - mean) ** 2 @ r / r.sum(axis=0)
        stored.append((r.mean(axis=0), mean, new))
    return stored[0]
""",
            "Does it use its arguments?",
        ),
    ],
}

# Points kept by the wrong answers that are right in part; all others keep none.
KEPT: dict[str, dict[str, float]] = {
    "which-make": {
        "a dead bulb must be there": 1,
        "a small number against 0/0": 1,
        "far lives split evenly": 1,
        "densities divided without logarithms": 1,
    },
    "censored-step": {
        "a dead bulb must be there": 2,
        "a burning bulb must be there": 2,
        "rates renewed before the lives": 1,
        "mean of the lives' inverses": 1,
        "counts less one": 1,
        "old weights in the rates": 1,
        "plain products, which underflow": 2,
        "deaths over the time watched": 1,
        "mean lives returned": 1,
        "rates not renewed": 1,
        "one remaining life for all makes": 1,
        "expected lives averaged over the makes": 1,
        "the mean life in the box for all": 1,
        "time burnt forgotten": 1,
        "lives not weighted": 1,
        "N for the counts": 1,
        "wrong order": 2,
    },
    "shared-mean-step": {
        "readings beyond three standard deviations left out": 1,
        "variances about the old median": 1,
        "variances of the readings of each, as verdicts": 1,
        "a small number on every variance": 1,
        "variances of at least 0.01": 1,
        "readings far out left out": 1,
        "variances about own means": 1,
        "divided by N": 1,
        "standard deviations returned": 1,
        "one common variance": 1,
        "variances not renewed": 1,
        "variances about the plain mean": 1,
    },
}
