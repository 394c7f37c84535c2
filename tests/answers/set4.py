"""Right and wrong answers to assignment 4."""

# --- log-determinants


def _logdet(body: str) -> str:
    return f"def log_determinants(covariances):\n    return {body}\n"


# --- squared-distances

_D2 = """
def squared_distances(x, means, covariances):
    {first}
    d2 = {table}
    for k in range(len(means)):
        e = {residual}
        d2[:, k] = {square}
    return {end}
"""


def _d2(**change: str) -> str:
    usual = {
        "first": "x = x.astype(float)",
        "table": "np.empty((len(x), len(means)))",
        "residual": "x - means[k]",
        "square": "(e * np.linalg.solve(covariances[k], e.T).T).sum(axis=1)",
        "end": "d2",
    }
    return _D2.format(**(usual | change))


# --- has-converged


def _converged(body: str) -> str:
    return f"def has_converged(history, tol):\n{body}"


_FELL = """
    if len(history) < 2:
        return False
    gain = history[-1] - history[-2]
    if {fell}:
        raise {error}("fell")
    return bool({test})
"""


def _fell(**change: str) -> str:
    usual = {
        "fell": "gain < -1e-9 * abs(history[-1])",
        "error": "ArithmeticError",
        "test": "gain < tol",
    }
    return _converged(_FELL.format(**(usual | change)))


# --- best-restart

_BEST = """
def best_restart(advance, starts, steps):
    best, best_theta = -np.inf, None
    theta = np.empty(starts.shape[1])
    for start in starts:
        {begin}
        for _ in range(steps):
            objective = advance(theta)
        if {better}:
            best, best_theta = objective, {keep}
    return {end}
"""


def _best(**change: str) -> str:
    usual = {
        "begin": "theta[:] = start",
        "better": "objective > best",
        "keep": "theta.copy()",
        "end": "best, best_theta",
    }
    return _BEST.format(**(usual | change))


# --- run

_RUN = """
def run(model, x, steps):
    history = {history}
    for _ in range({times}):
        {before}
        model = model.m_step(model.e_step(x))
        {after}
    return {end}
"""


def _run(**change: str) -> str:
    usual = {
        "history": "[model.log_likelihood(x)]",
        "times": "steps",
        "before": "pass",
        "after": "history.append(model.log_likelihood(x))",
        "end": "model, history",
    }
    return _RUN.format(**(usual | change))


# --- labelled-e-step

_LABELS = """
def labelled_e_step(x, labels, weights, means, covariances):
    a = {joint}
    density = {density}
    r = np.exp(a - density[:, None])
    seen = np.flatnonzero({seen})
    top = density.copy()
    {change}
    return {end}
"""


def _labels(**change: str) -> str:
    usual = {
        "joint": "GaussianMixture(weights, means, covariances).log_joint(x)",
        "density": "logsumexp(a, axis=1)",
        "seen": "labels >= 0",
        "change": "r[seen] = np.eye(len(weights))[labels[seen]]; top[seen] = a[seen, labels[seen]]",
        "end": "r, top.sum()",
    }
    return _LABELS.format(**(usual | change))


# --- grouped-m-step

_GROUPS = """
def grouped_m_step(x, r, groups):
    counts = r.sum(axis=0)
    means = {means}
    scatter = np.array([((x - m).T * w) @ (x - m) for m, w in zip(means, r.T)])
    G = groups.max() + 1
    member = (groups == np.arange(G)[:, None]).astype(float)
    covariances = {covariances}
    return {end}
"""


def _groups(**change: str) -> str:
    usual = {
        "means": "r.T @ x / counts[:, None]",
        "covariances": "np.einsum('gk,kij->gij', member, scatter) "
        "/ (member @ counts)[:, None, None]",
        "end": "counts / len(x), means, covariances",
    }
    return _GROUPS.format(**(usual | change))


RIGHT: dict[str, list[str]] = {
    "log-determinants": [
        """
def log_determinants(covariances):  # from the density at the mean
    from scipy.stats import multivariate_normal

    zero = np.zeros(len(covariances[0]))
    top = np.array([multivariate_normal(zero, c).logpdf(zero) for c in covariances])
    return tuple(-2 * top - len(zero) * np.log(2 * np.pi))
""",
        _logdet("np.linalg.slogdet(covariances)[1]"),
        """
def log_determinants(covariances):
    result = []
    for covariance in covariances:
        result.append(sum(np.log(v) for v in np.linalg.eigvalsh(covariance)))
    return result
""",
        """
def log_determinants(covariances):
    from scipy.linalg import lu

    return [float(np.log(abs(np.diag(lu(c)[2]))).sum()) for c in covariances]
""",
    ],
    "squared-distances": [
        """
def squared_distances(x, means, covariances):  # on an axis of its own, with long doubles
    e = np.longdouble(x)[:, np.newaxis] - np.longdouble(means)
    return (e[..., None, :] @ np.linalg.inv(covariances) @ e[..., None])[..., 0, 0]
""",
        """
def squared_distances(x, means, covariances):
    rows = []
    for point in x:
        row = []
        for mean, covariance in zip(means, covariances):
            y = np.linalg.solve(np.linalg.cholesky(covariance), point - mean)
            row.append(float(y @ y))
        rows.append(row)
    return rows
""",
        """
def squared_distances(x, means, covariances):
    e = (x[:, None] - means).astype(float)
    return np.einsum("nki,kij,nkj->nk", e, np.linalg.inv(covariances), e)
""",
        _d2(first="pass"),
    ],
    "run": [
        """
def run(model, x, steps, history=()):  # calls itself
    history = (*history, model.log_likelihood(x))
    if not steps:
        return [model, history]
    return run(model.m_step(model.e_step(x)), x, steps - 1, history)
""",
        """
def run(model, x, steps):
    walk = [step for step, _ in zip(iterate(model, x), range(steps + 1))]
    return walk[-1].model, np.array([step.log_likelihood for step in walk])
""",
        """
def run(model, x, steps):
    history = []
    for t in range(steps + 1):
        expectation = model.e_step(x)
        history.append(expectation.log_likelihood)
        if t < steps:
            model = model.m_step(expectation)
    return model, history
""",
    ],
    "has-converged": [
        _converged("""
    if len(history) == 1:
        return False
    before, after = history[-2:]
    if before - after > 1e-9 * abs(after):
        raise ArithmeticError
    return after < before + tol
"""),
        _converged("""
    gains = np.diff(history)
    if gains.size == 0:
        return False
    if -gains[-1] > 1e-9 * np.abs(history[-1]):
        from emlib.em import MonotonicityError

        raise MonotonicityError("a bug")
    return np.less(gains[-1], tol)
"""),
    ],
    "best-restart": [
        _best(),
        """
def best_restart(advance, starts, steps):
    ends, tops = np.array(starts, dtype=float), []
    for theta in ends:
        for _ in range(steps):
            top = advance(theta)
        tops.append(top)
    winner = max(range(len(tops)), key=tops.__getitem__)
    return tops[winner], ends[winner].tolist()
""",
    ],
    "labelled-e-step": [
        """
def labelled_e_step(x, labels, weights, means, covariances):  # a column of -inf for what is not
    a = GaussianMixture(weights, means, covariances).log_joint(x)
    allowed = np.equal.outer(labels, range(len(weights))) | (labels == -1)[:, None]
    total = logsumexp(a, axis=1, b=allowed)
    return np.exp(a - total[:, None], where=allowed, out=np.zeros_like(a)), total.sum()[None]
""",
        """
def labelled_e_step(x, labels, weights, means, covariances):
    a = GaussianMixture(weights, means, covariances).log_joint(x)
    rows, total = [], 0.0
    for row, label in zip(a, labels):
        if label == -1:
            total += logsumexp(row)
            rows.append(list(np.exp(row - logsumexp(row))))
        else:
            total += row[label]
            rows.append([1.0 if k == label else 0.0 for k in range(len(row))])
    return rows, total
""",
        """
def labelled_e_step(x, labels, weights, means, covariances):
    from scipy.stats import multivariate_normal

    a = np.array([np.log(w) + multivariate_normal(m, c).logpdf(x)
                  for w, m, c in zip(weights, means, covariances)])
    other = (labels >= 0) & (labels != np.arange(len(weights))[:, None])
    a = np.where(other, -np.inf, a)
    top = a.max(axis=0)
    total = top + np.log(np.exp(a - top).sum(axis=0))
    return np.exp(a - total).T, total.sum()
""",
    ],
    "grouped-m-step": [
        _groups(),
        """
def grouped_m_step(x, r, groups):
    N, K = r.shape
    means = [sum(r[n, k] * x[n] for n in range(N)) / r[:, k].sum() for k in range(K)]
    covariances = []
    for g in range(max(groups) + 1):
        scatter, size = 0.0, 0.0
        for k in range(K):
            if groups[k] == g:
                size += r[:, k].sum()
                for n in range(N):
                    scatter = scatter + r[n, k] * np.outer(x[n] - means[k], x[n] - means[k])
        covariances.append(scatter / size)
    return list(r.mean(axis=0)), means, covariances
""",
        """
def grouped_m_step(x, r, groups):
    w = r.mean(axis=0)
    means = np.array([np.average(x, axis=0, weights=column) for column in r.T])
    each = [np.cov(x, rowvar=False, aweights=column, ddof=0) for column in r.T]
    numbers = np.unique(groups)
    pooled = [np.average([each[k] for k in np.flatnonzero(groups == g)], axis=0,
                         weights=w[groups == g]) for g in numbers]
    return w, means, np.array(pooled)
""",
    ],
}

WRONG: dict[str, list[tuple[str, str, str]]] = {
    "log-determinants": [
        (
            "eigenvalues floored at a thousandth",
            _logdet("np.log(np.maximum(np.linalg.eigvalsh(covariances), 1e-3)).sum(axis=1)"),
            "Is the determinant formed, or are small variances",
        ),
        (
            "a small number on every diagonal",
            """
def log_determinants(covariances):
    d = covariances.shape[1]
    return np.linalg.slogdet(covariances + 1e-9 * np.eye(d))[1]
""",
            "Is the determinant formed, or are small variances",
        ),
        (
            "the first covariance only",
            _logdet("np.linalg.slogdet(covariances[0])[1] * np.ones(len(covariances))"),
            "See (4.6)",
        ),
        (
            "logarithm of each entry",
            _logdet("np.log(np.abs(covariances)).sum(axis=(1, 2))"),
            "See (4.6)",
        ),
        (
            "covariances changed in place",
            """
def log_determinants(covariances):
    s = np.diagonal(covariances, 0, 1, 2).copy()
    covariances /= np.sqrt(s[:, :, None] * s[:, None, :])
    return np.linalg.slogdet(covariances)[1] + np.log(s).sum(axis=1)
""",
            "changes its input in place",
        ),
        (
            "scaled by the mean variance",
            """
def log_determinants(covariances):
    d = covariances.shape[1]
    s = np.trace(covariances, axis1=1, axis2=2) / d
    return np.log(np.linalg.det(covariances / s[:, None, None])) + d * np.log(s)
""",
            "1e-4 and 1 mixed",
        ),
        (
            "eigenvalues floored",
            _logdet("np.log(np.maximum(np.linalg.eigvalsh(covariances), 1e-6)).sum(axis=1)"),
            "variances of 1e-8",
        ),
        ("not repaired", _logdet("np.log(np.linalg.det(covariances))"), "Never form it"),
        (
            "product of the eigenvalues",
            _logdet("np.log(np.linalg.eigvalsh(covariances).prod(axis=1))"),
            "Never form it",
        ),
        (
            "small number added before the logarithm",
            _logdet("np.log(np.linalg.det(covariances) + 1e-300)"),
            "something added to it",
        ),
        (
            "determinant of the factor, then its logarithm",
            _logdet("2 * np.log(np.linalg.det(np.linalg.cholesky(covariances)))"),
            "Never form it",
        ),
        (
            "factor 2 forgotten",
            _logdet("np.log(np.diagonal(np.linalg.cholesky(covariances), 0, 1, 2)).sum(axis=1)"),
            "half of what is wanted",
        ),
        (
            "diagonal of the covariance",
            _logdet("np.log(np.diagonal(covariances, 0, 1, 2)).sum(axis=1)"),
            "diagonal of each covariance only",
        ),
        ("sign of slogdet", _logdet("np.linalg.slogdet(covariances)[0]"), "returns two things"),
        ("both results of slogdet", _logdet("np.linalg.slogdet(covariances)"), "shape (3,)"),
        ("no logarithm", _logdet("np.linalg.det(covariances)"), "their logarithms are wanted"),
        (
            "squared twice",
            _logdet("4 * np.log(np.diagonal(np.linalg.cholesky(covariances), 0, 1, 2)).sum(1)"),
            "twice the log determinant",
        ),
        (
            "base 10",
            _logdet("np.linalg.slogdet(covariances)[1] / np.log(10)"),
            "natural ones are wanted",
        ),
        (
            "answer for the visible data stored",
            _logdet("np.array([0.6097655716, -1.1711829815, 1.2527629685])"),
            "Does it use its arguments?",
        ),
    ],
    "squared-distances": [
        (
            "table of objects",
            _d2(table="np.empty((len(x), len(means)), dtype=object)"),
            "Your table is an array of Python objects,",
        ),
        (
            "complex table",
            _d2(table="np.empty((len(x), len(means)), dtype=complex)"),
            "should be real",
        ),
        (
            "half precision",
            _d2(table="np.empty((len(x), len(means)), dtype=np.float16)"),
            "See (4.3)",
        ),
        (
            "points changed in place",
            """
def squared_distances(x, means, covariances):
    d2 = np.empty((len(x), len(means)))
    for k in range(len(means)):
        x = x.astype(float, copy=False)
        x -= means[k]
        d2[:, k] = (x * np.linalg.solve(covariances[k], x.T).T).sum(axis=1)
        x += means[k]
    return d2
""",
            "Your function changes its input in place;",
        ),
        (
            "covariance for its inverse",
            _d2(square="(e * (e @ covariances[k])).sum(axis=1)"),
            "See (4.3)",
        ),
        (
            "one covariance for all",
            _d2(square="(e * np.linalg.solve(covariances[0], e.T).T).sum(axis=1)"),
            "See (4.3)",
        ),
        (
            "means cut down when the data are whole",
            _d2(first="means = means.astype(x.dtype); x = x.astype(float)"),
            "The means are cut down",
        ),
        (
            "the type of the covariances",
            _d2(table="np.empty((len(x), len(means)), dtype=covariances.dtype)"),
            "cut down to whole numbers",
        ),
        (
            "not repaired",
            _d2(first="pass", table="np.empty((len(x), len(means)), x.dtype)"),
            "cut down to whole numbers",
        ),
        (
            "type of the means taken",
            _d2(first="pass", table="np.empty((len(x), len(means)), means.dtype)"),
            "cut down to whole numbers",
        ),
        (
            "converted after the loop",
            _d2(
                first="pass",
                table="np.empty((len(x), len(means)), x.dtype)",
                end="d2.astype(float)",
            ),
            "cut down to whole numbers",
        ),
        (
            "rounded before it is stored",
            _d2(
                first="pass",
                table="np.empty((len(x), len(means)), x.dtype)",
                square="np.rint((e * np.linalg.solve(covariances[k], e.T).T).sum(axis=1))",
            ),
            "are rounded to whole numbers",
        ),
        (
            "means cut down instead",
            _d2(first="means = means.astype(x.dtype)"),
            "The means are cut down",
        ),
        (
            "float32",
            _d2(first="x, means = x.astype(np.float32), means.astype(np.float32)"),
            "A hundred million from the origin",
        ),
        (
            "table in float32",
            _d2(table="np.empty((len(x), len(means)), np.float32)"),
            "fewer than 64 bits",
        ),
        ("root taken", _d2(end="np.sqrt(d2)"), "their squares are wanted"),
        ("ruler's distance", _d2(square="(e**2).sum(axis=1)"), "the covariance has no part"),
        (
            "tilt ignored",
            _d2(square="(e**2 / np.diag(covariances[k])).sum(axis=1)"),
            "off-diagonal entries",
        ),
        ("transposed", _d2(end="d2.T"), "It looks transposed"),
        (
            "square formed before the mean is subtracted",
            """
def squared_distances(x, means, covariances):
    x = x.astype(float)
    table = []
    for m, c in zip(means, covariances):
        p = np.linalg.inv(c)
        table.append(((x @ p) * x).sum(axis=1) - 2 * x @ p @ m + m @ p @ m)
    return np.array(table).T
""",
            "before the mean is subtracted",
        ),
        (
            "answer for the visible data stored",
            """
stored = None


def squared_distances(x, means, covariances):
    global stored
    if stored is None:
        e = x[:, None] - means
        stored = np.einsum("nki,kij,nkj->nk", e, np.linalg.inv(covariances), e)
    return stored
""",
            "Does it use its arguments?",
        ),
    ],
    "run": [
        (
            "history rounded",
            _run(
                history="[round(model.log_likelihood(x), 4)]",
                after="history.append(round(model.log_likelihood(x), 4))",
            ),
            "The history ends with -211.0743, but the model",
        ),
        (
            "stops when a step gains little",
            _run(
                after="history.append(model.log_likelihood(x))\n"
                "        if history[-1] - history[-2] < 1e-6:\n            break"
            ),
            "From a model at which EM rests your history holds",
        ),
        (
            "history backwards",
            _run(end="model, history[::-1]"),
            "The history ends with -217.323329277, but the",
        ),
        (
            "history in single precision",
            _run(end="model, np.array(history, dtype=np.float32)"),
            "The history ends with -211.074264526, but the",
        ),
        (
            "M-step of the start again and again",
            _run(before="e = model.e_step(x) if len(history) == 1 else e").replace(
                "model.m_step(model.e_step(x))", "model.m_step(e)"
            ),
            "The model after 4 steps is wanted;",
        ),
        (
            "every other value",
            _run(end="model, history[::2]"),
            "The start and 4 steps make 5 models, but the",
        ),
        (
            "not repaired",
            _run(history="[]", before="history.append(model.log_likelihood(x))", after="pass"),
            "To which model does that last value belong?",
        ),
        ("start left out", _run(history="[]"), "the history holds"),
        ("one step too many", _run(times="steps + 1"), "yours is the one after"),
        ("one step too few", _run(times="max(steps - 1, 0)"), "yours is the one after"),
        (
            "last value twice, the end never computed",
            _run(
                history="[]",
                before="history.append(model.log_likelihood(x))",
                after="pass",
                end="model, history + history[-1:]",
            ),
            "To which model does that last value belong?",
        ),
        (
            "value before the M-step appended to the value of the start",
            _run(before="history.append(model.log_likelihood(x))", after="pass"),
            "To which model does that last value belong?",
        ),
        ("history alone", _run(end="history"), "should return 2 things"),
        ("wrong order", _run(end="history, model"), "First comes the model"),
        ("only the last value", _run(end="model, history[-1:]"), "the history holds 1 values"),
        (
            "mean instead of the sum",
            _run(
                history="[model.log_likelihood(x) / len(x)]",
                after="history.append(model.log_likelihood(x) / len(x))",
            ),
            "To which model does that last value belong?",
        ),
        (
            "the model before, to suit the history",
            """
def run(model, x, steps):
    history, last = [], model
    for _ in range(steps):
        history.append(model.log_likelihood(x))
        last = model
        model = model.m_step(model.e_step(x))
    return last, history
""",
            "yours is the one after",
        ),
        (
            "history filled up with a stored answer",
            """
def run(model, x, steps):
    stored = [-50.0, -28.0, -27.0, -26.0, -25.0][: steps + 1]
    for _ in range(steps):
        model = model.m_step(model.e_step(x))
    return model, stored[:-1] + [model.log_likelihood(x)]
""",
            "Value 0 of the history",
        ),
    ],
    "has-converged": [
        (
            "a gain of tol is enough",
            _fell(test="gain <= tol"),
            "For the history [-3.0, -2.0] and tol 1 you return",
        ),
        (
            "rounding of 1e-7",
            _fell(fell="gain < -1e-7 * abs(history[-1])"),
            "For the history [-20000.0, -10000.0,",
        ),
        (
            "rounding of the first value",
            _fell(fell="gain < -1e-9 * abs(history[0])"),
            "For the history [-1.0, -0.01, -0.0100000001] and",
        ),
        (
            "gain from the start",
            _fell(test="(history[-1] - history[0]) / len(history) < tol"),
            "For the history [-120.0, -101.5, -101.4996] and",
        ),
        (
            "two small gains wanted",
            _fell(test="gain < tol and (len(history) < 3 or history[-2] - history[-3] < tol)"),
            "For the history [-120.0, -101.5, -101.4996] and",
        ),
        (
            "history sorted in place",
            _fell().replace("    gain =", "    history.sort()\n    gain ="),
            "For the history [-120.0, -100.0, -105.0] and tol",
        ),
        (
            "np.isclose for rounding",
            _fell(fell="gain < 0 and not np.isclose(history[-1], history[-2])"),
            "For the history [-120.0, -100.0, -100.0004] and",
        ),
        (
            "gain per observation",
            _fell(test="gain < tol * len(history)"),
            "For the history [-3.0, -2.0] and tol 1 you return",
        ),
        (
            "a number for True",
            _fell(test="gain < tol").replace("bool(", "int("),
            "you return an int",
        ),
        (
            "a history of two is too short",
            _fell().replace("len(history) < 2", "len(history) < 3"),
            "For the history [-101.5, -101.5] and tol 1e-06",
        ),
        (
            "an earlier fall counts",
            _fell(fell="(np.diff(history) < -1e-9 * abs(history[-1])).any()"),
            "has not fallen",
        ),
        (
            "compared with the highest value so far",
            _fell(fell="history[-1] < max(history) - 1e-9 * abs(history[-1])"),
            "has not fallen",
        ),
        (
            "rounding of 1e-8",
            _fell(fell="gain < -1e-8 * abs(history[-1])"),
            "far more than rounding",
        ),
        (
            "rounding of at least 1e-9 nats",
            _fell(fell="gain < -1e-9 * max(1, abs(history[-1]))"),
            "far more than rounding",
        ),
        ("history shortened", _fell(test="gain < tol and history.pop()"), "changes the history"),
        (
            "not repaired",
            _converged("    return len(history) > 1 and history[-1] - history[-2] < tol\n"),
            "it is a bug, so raise an error",
        ),
        (
            "absolute value",
            _converged("    return len(history) > 1 and abs(history[-1] - history[-2]) < tol\n"),
            "it is a bug, so raise an error",
        ),
        (
            "a fall passed over",
            _converged("    return len(history) > 1 and 0 <= history[-1] - history[-2] < tol\n"),
            "it is a bug, so raise an error",
        ),
        (
            "only falls larger than tol raise",
            _fell(fell="gain < -tol"),
            "A fall smaller than tol is still a fall",
        ),
        ("every fall raises", _fell(fell="gain < 0"), "is mere rounding for values"),
        ("a step without gain raises", _fell(fell="gain <= 0"), "Nothing has fallen"),
        (
            "rounding not scaled",
            _fell(fell="gain < -1e-9"),
            "A fall of 1e-05 is mere rounding for values of this size",
        ),
        (
            "size taken without its absolute value",
            _fell(fell="gain < 1e-9 * history[-1]"),
            "mere rounding for values of this size",
        ),
        (
            "gain of zero is no convergence",
            _fell(test="0 < gain < tol"),
            "The last step gained 0 nats",
        ),
        (
            "relative gain",
            _fell(test="gain < tol * abs(history[-1])"),
            "tol is in nats",
        ),
        (
            "history of one value",
            _converged("""
    gain = history[-1] - history[-2]
    if gain < -1e-9 * abs(history[-1]):
        raise ArithmeticError
    return gain < tol
"""),
            "stopped with IndexError",
        ),
        ("another exception", _fell(error="ValueError"), "stopped with ValueError"),
        (
            "one value counts as converged",
            _fell().replace("return False", "return True"),
            "One value is no evidence",
        ),
        (
            "answers for the visible histories stored",
            _converged("""
    stored = {
        (-120.0, -104.0, -101.5): False, (-120.0, -101.5, -101.4996): True,
        (-101.5, -101.5): True, (-120.0, -100.0, -100.0 - 1e-11): True, (-120.0,): False,
        (-2e6, -1000000.9, -1000000.4): False, (-2e6, -1e6, -1e6 - 1e-5): True,
    }
    if history[-1] < history[-2:][0] - 1e-4:
        raise ArithmeticError
    return stored[tuple(history)]
"""),
            "stopped with KeyError",
        ),
    ],
    "best-restart": [
        (
            "first start left out",
            _best().replace("in starts:", "in starts[1:]:"),
            "With objectives below zero, of which the first",
        ),
        (
            "one step too many, for the objective",
            _best(end="advance(best_theta), best_theta"),
            "That is the best objective after one step more",
        ),
        (
            "the first step left out",
            _best().replace("range(steps)", "range(1, steps)"),
            "That is the best objective after one step fewer",
        ),
        (
            "stops a run that falls",
            _best().replace(
                "            objective = advance(theta)",
                "            before = theta.copy()\n            new = advance(theta)\n"
                "            if _ and new < objective:\n                theta[:] = before\n"
                "                break\n            objective = new",
            ),
            "That is the best objective that a run passed on",
        ),
        (
            "ties the best to the largest absolute value",
            _best(better="best_theta is None or abs(objective) > abs(best)"),
            "That is the objective of the last start, the",
        ),
        (
            "number of the best run for its theta",
            _best(end="best, int(np.argmax([np.allclose(best_theta, s) for s in starts]))"),
            "The best theta should have shape (2,), but has ()",
        ),
        (
            "always ten steps",
            _best().replace("range(steps)", "range(10)"),
            "Does every run begin at its own start, and make",
        ),
        (
            "a run stopped when it gains little",
            """
def best_restart(advance, starts, steps):
    best, best_theta = -np.inf, None
    for theta in starts.copy():
        top = -np.inf
        for _ in range(steps):
            before, top = top, advance(theta)
            if abs(top - before) < 1e-6:
                break
        if top > best:
            best, best_theta = top, theta
    return best, best_theta
""",
            "however little one of them gains",
        ),
        (
            "best begins at zero",
            _best().replace("best, best_theta = -np.inf", "best, best_theta = 0"),
            "is zero the best yet",
        ),
        (
            "last start left out",
            _best().replace("in starts:", "in starts[:-1]:"),
            "the last run has the best",
        ),
        ("not repaired", _best(keep="theta"), "since it was kept?"),
        ("a view for a copy", _best(keep="theta[:]"), "since it was kept?"),
        ("asarray for a copy", _best(keep="np.asarray(theta)"), "since it was kept?"),
        (
            "copied at the end, too late",
            _best(keep="theta", end="best, best_theta.copy()"),
            "since it was kept?",
        ),
        ("start kept", _best(keep="start.copy()"), "where the best run began"),
        (
            "starts moved",
            _best(begin="theta = start"),
            "changes its input in place",
        ),
        ("the worst kept", _best(better="best == -np.inf or objective < best"), "worst"),
        ("always the last", _best(better="True"), "objective of the last start"),
        ("only the first", _best(better="best_theta is None"), "the first start only"),
        (
            "best over the whole path",
            """
def best_restart(advance, starts, steps):
    best, best_theta = -np.inf, None
    for start in starts:
        theta = start.copy()
        for _ in range(steps):
            objective = advance(theta)
            if objective > best:
                best, best_theta = objective, theta.copy()
    return best, best_theta
""",
            "passed on its way",
        ),
        ("wrong order", _best(end="best_theta, best"), "in the wrong order"),
        (
            "each run goes on from where the last one ended",
            _best(begin="theta[:] = start if best_theta is None else theta"),
            "begin at its own start",
        ),
        (
            "one step too few",
            _best().replace("range(steps)", "range(steps // 2)"),
            "make `steps` steps?",
        ),
        (
            "answer for the visible data stored",
            """
stored = {}


def best_restart(advance, starts, steps):
    if advance not in stored:
        runs = []
        for theta in starts.copy():
            for _ in range(steps):
                top = advance(theta)
            runs.append((top, theta))
        stored[advance] = max(runs, key=lambda run: run[0])
    return stored[advance]
""",
            "Does it use its arguments?",
        ),
    ],
    "labelled-e-step": [
        (
            "a constant added, the largest wins",
            """
def labelled_e_step(x, labels, weights, means, covariances):
    a = GaussianMixture(weights, means, covariances).log_joint(x)
    j = np.exp(a)
    s = j.sum(axis=1) + 1e-300
    r = j / s[:, None]
    bad = s <= 1e-300
    r[bad] = np.eye(len(weights))[a[bad].argmax(axis=1)]
    seen = labels >= 0
    r[seen] = np.eye(len(weights))[labels[seen]]
    top = np.log(s)
    top[seen] = a[seen, labels[seen]]
    return r, top.sum()
""",
            "with points far away",
        ),
        (
            "labels changed in place",
            _labels(
                change="labels[labels < 0] = 0; r[seen] = np.eye(len(weights))[labels[seen]]; "
                "top[seen] = a[seen, labels[seen]]"
            ),
            "changes its input in place",
        ),
        (
            "a known species nearly certain",
            _labels(
                change="r[seen] = 0.98 * np.eye(len(weights))[labels[seen]] + 0.02 / len(weights); "
                "top[seen] = a[seen, labels[seen]]"
            ),
            "Which q closes the gap, for a point whose label",
        ),
        (
            "a label as one more observation of the point",
            _labels(end="r, top.sum() + density[seen].sum()"),
            "Add up what was observed of each point",
        ),
        (
            "labelled points first",
            _labels(end="np.vstack([r[seen], r[labels < 0]]), top.sum()"),
            "Which q closes the gap, for a point whose label",
        ),
        (
            "one value for each point",
            _labels(end="r, top"),
            "The log-likelihood should be one number, of shape",
        ),
        (
            "unlabelled points must be there",
            _labels(end="r, top.sum() + 0 * labels[labels < 0].max()"),
            "With every point labelled",
        ),
        (
            "labelled points left to the rows without a label",
            _labels(end="r, top[seen].sum() + density[~seen].sum()"),
            "Add up what was observed of each point",
        ),
        (
            "largest component for the density",
            _labels(density="a.max(axis=1)", end="r / r.sum(axis=1, keepdims=True), top.sum()"),
            "Add up what was observed of each point",
        ),
        (
            "table of labels as long as the largest label",
            _labels(
                change="r[seen] = np.eye(labels.max() + 1)[labels[seen]]; "
                "top[seen] = a[seen, labels[seen]]"
            ),
            "With ",
        ),
        (
            "a label must be there",
            _labels(
                change="assert len(seen); r[seen] = np.eye(len(weights))[labels[seen]]; "
                "top[seen] = a[seen, labels[seen]]"
            ),
            "With no labels at all",
        ),
        (
            "log-likelihood of far points cut off",
            _labels(end="r, np.maximum(top, -690).sum()"),
            "with points far away",
        ),
        ("labels ignored", _labels(change="pass"), "The labels have no part in it"),
        (
            "-1 taken for an index",
            _labels(seen="labels >= -1"),
            "Every point is treated as labelled",
        ),
        ("label 0 taken for unknown", _labels(seen="labels > 0"), "0 is a label too"),
        (
            "labels taken for true and false",
            _labels(seen="labels.astype(bool)"),
            "0 is a label too",
        ),
        (
            "label 0 taken for unknown in the log-likelihood only",
            _labels(end="r, np.where(labels > 0, top, density).sum()"),
            "In the log-likelihood, 0 is a label too",
        ),
        (
            "log-likelihood of the points alone",
            _labels(change="r[seen] = np.eye(len(weights))[labels[seen]]"),
            "A label is an observation, too",
        ),
        (
            "labelled points left out of the log-likelihood",
            _labels(change="r[seen] = np.eye(len(weights))[labels[seen]]; top[seen] = 0"),
            "The labelled points are left out",
        ),
        (
            "unlabelled points left out of the log-likelihood",
            _labels(end="r, top[seen].sum()"),
            "The unlabelled points are left out",
        ),
        (
            "weight of the label left out",
            _labels(end="r, top.sum() - np.log(weights)[labels[seen]].sum()"),
            "the label has a probability",
        ),
        (
            "Q returned",
            _labels(end="r, (r * a).sum()"),
            "expected log joint Q",
        ),
        ("mean returned", _labels(end="r, top.mean()"), "the sum is wanted"),
        (
            "weights left out of the E-step",
            _labels(
                joint="GaussianMixture(np.full(len(weights), 1 / len(weights)), means, covariances)"
                ".log_joint(x)"
            ),
            "The weights are missing",
        ),
        (
            "unlabelled points split evenly",
            _labels(
                change="r[:] = 1 / len(weights); r[seen] = np.eye(len(weights))[labels[seen]]; "
                "top[seen] = a[seen, labels[seen]]"
            ),
            "split evenly",
        ),
        (
            "no log-sum-exp",
            _labels(density="np.log(np.exp(a).sum(axis=1))"),
            "Stay with logarithms",
        ),
        (
            "normalised over the points",
            _labels(end="r / r.sum(axis=0), top.sum()"),
            "is the division over the right axis?",
        ),
        ("wrong order", _labels(end="top.sum(), r"), "The responsibilities come first"),
        (
            "answer for the visible data stored",
            """
stored = []


def labelled_e_step(x, labels, weights, means, covariances):
    if len(x) == 8 and not stored:
        a = GaussianMixture(weights, means, covariances).log_joint(x)
        a[(labels >= 0)[:, None] & (labels[:, None] != np.arange(3))] = -np.inf
        total = logsumexp(a, axis=1)
        stored.append((np.exp(a - total[:, None]), total.sum()))
    return stored[0]
""",
            "Does it use its arguments?",
        ),
    ],
    "grouped-m-step": [
        (
            "a small number on the diagonals",
            _groups(
                end="counts / len(x), means, covariances + 1e-6 * np.eye(x.shape[1])",
            ),
            "You add 1e-06 to the diagonals",
        ),
        (
            "points changed in place",
            _groups().replace(
                "    scatter =",
                "    x -= x.mean(axis=0)\n    means = r.T @ x / counts[:, None]\n    scatter =",
            ),
            "changes its input in place",
        ),
        (
            "divided by the number of components",
            _groups(
                covariances="np.einsum('gk,kij->gij', member, scatter) "
                "/ member.sum(axis=1)[:, None, None]"
            ),
            "Divide by the data behind a group, not by its",
        ),
        (
            "minus one for each component",
            _groups(
                covariances="np.einsum('gk,kij->gij', member, scatter) "
                "/ (member @ counts - member.sum(axis=1))[:, None, None]"
            ),
            "Divide by the expected counts themselves:",
        ),
        (
            "verdicts",
            _groups().replace(
                "    counts =", "    r = np.eye(r.shape[1])[r.argmax(axis=1)]\n    counts ="
            ),
            "See (4.10)",
        ),
        (
            "groups of neighbours",
            _groups().replace("    G =", "    groups = np.sort(groups)\n    G ="),
            "Add up (4.11) over the components of a group",
        ),
        (
            "one covariance if there is one group",
            _groups(end="counts / len(x), means, covariances[0] if G == 1 else covariances"),
            "You return one covariance for all;",
        ),
        (
            "means of the groups' shares",
            _groups(end="(member @ counts / len(x))[groups], means, covariances"),
            "See (4.10)",
        ),
        (
            "diagonals only",
            _groups(end="counts / len(x), means, covariances * np.eye(x.shape[1])"),
            "The entries beside the diagonals are missing",
        ),
        (
            "plain average over a group",
            _groups(
                covariances="np.array([(scatter / counts[:, None, None])[groups == g].mean(axis=0) "
                "for g in range(G)])"
            ),
            "plain average of the components' covariances",
        ),
        (
            "one mean for each group",
            _groups(
                means="((r @ member_of.T).T @ x / (r @ member_of.T).sum(axis=0)[:, None])[groups]"
            ).replace(
                "    means =",
                "    member_of = groups == np.arange(groups.max() + 1)[:, None]\n    means =",
                1,
            ),
            "has a mean of its own",
        ),
        (
            "scatter about the mean of the group",
            _groups(
                covariances="np.array([np.cov(x.T, aweights=r[:, groups == g].sum(axis=1), ddof=0) "
                "for g in range(G)])"
            ),
            "from one mean for the whole group",
        ),
        (
            "one covariance for each component",
            _groups(covariances="scatter / counts[:, None, None]"),
            "one for each of the 2 groups",
        ),
        (
            "tied",
            _groups(covariances="scatter.sum(axis=0) / len(x)"),
            "one for each group is wanted",
        ),
        (
            "tied, repeated",
            _groups(covariances="np.array([scatter.sum(axis=0) / len(x)] * G)"),
            "one covariance for all components",
        ),
        (
            "divided by N",
            _groups(covariances="np.einsum('gk,kij->gij', member, scatter) / len(x)"),
            "You divide by N",
        ),
        (
            "weighted with the pi_k, not divided by the group's share",
            _groups(
                covariances="np.array([np.einsum('k,kij->ij', (counts / len(x))[groups == g], "
                "(scatter / counts[:, None, None])[groups == g]) for g in range(G)])"
            ),
            "Within a group the shares must add up to one",
        ),
        (
            "not divided",
            _groups(covariances="np.einsum('gk,kij->gij', member, scatter)"),
            "Those are scatter matrices",
        ),
        (
            "covariances added up",
            _groups(
                covariances="np.einsum('gk,kij->gij', member, scatter) "
                "/ (member @ counts / member.sum(axis=1))[:, None, None]"
            ),
            "You add up the covariances",
        ),
        (
            "groups in another order",
            _groups(end="counts / len(x), means, covariances[::-1]"),
            "in another order",
        ),
        (
            "groups in the order in which they are met",
            _groups().replace(
                "np.arange(G)[:, None]", "np.array([*dict.fromkeys(groups)])[:, None]"
            ),
            "in which groups are met",
        ),
        ("counts for weights", _groups(end="counts, means, covariances"), "weights sum to one"),
        ("means divided by N", _groups(means="r.T @ x / len(x)"), "its own count N_k"),
        (
            "weights left out",
            _groups(end="means, covariances"),
            "should return 3 things",
        ),
        (
            "answer for the visible data stored",
            """
stored = []


def grouped_m_step(x, r, groups):
    if not stored:
        counts = r.sum(axis=0)
        means = r.T @ x / counts[:, None]
        s = np.array([((x - m).T * w) @ (x - m) for m, w in zip(means, r.T)])
        both = (s[0] + s[2]) / (counts[0] + counts[2])
        stored.append((counts / len(x), means, np.array([s[1] / counts[1], both])))
    return stored[0]
""",
            "Does it use its arguments?",
        ),
    ],
}

# Points kept by the wrong answers that are right in part; all others keep none.
KEPT: dict[str, dict[str, float]] = {
    "labelled-e-step": {
        "a constant added, the largest wins": 2,
        "a label as one more observation of the point": 1,
        "one value for each point": 1,
        "unlabelled points must be there": 2,
        "labelled points left to the rows without a label": 1,
        "largest component for the density": 1,
        "table of labels as long as the largest label": 2,
        "a label must be there": 2,
        "log-likelihood of far points cut off": 2,
        "label 0 taken for unknown in the log-likelihood only": 1,
        "log-likelihood of the points alone": 1,
        "labelled points left out of the log-likelihood": 1,
        "unlabelled points left out of the log-likelihood": 1,
        "weight of the label left out": 1,
        "Q returned": 1,
        "mean returned": 1,
        "no log-sum-exp": 2,
        "wrong order": 2,
    },
    "grouped-m-step": {
        "a small number on the diagonals": 1,
        "divided by the number of components": 1,
        "minus one for each component": 1,
        "groups of neighbours": 1,
        "diagonals only": 1,
        "plain average over a group": 1,
        "divided by N": 1,
        "weighted with the pi_k, not divided by the group's share": 1,
        "not divided": 1,
        "covariances added up": 1,
        "groups in another order": 2,
        "groups in the order in which they are met": 2,
    },
}
