// See distributions.js for what this is.
"use strict";

// --- The design of a panel -------------------------------------------------------------------------------------------
// Units are raters or prompts. Their cells stand one after another, those of unit g from start[g] to start[g + 1]; a
// cell is of a category, with its number of ratings n and how many of them are for a, without preference and for b:
// x[0], x[1], x[2].

const sized = (n) => new Float64Array(n);

function unitsOf(owner, category, x) {  // the cells' units (rising), categories and counts
    const start = [];
    for (let k = 0; k < owner.length; k++) if (k === 0 || owner[k] !== owner[k - 1]) start.push(k);
    const G = start.length, n = sized(owner.length);
    start.push(owner.length);
    for (let k = 0; k < n.length; k++) n[k] = x[0][k] + x[1][k] + x[2][k];
    const K = category.reduce((most, c) => Math.max(most, c), -1) + 1;
    return { G, K, start: Int32Array.from(start), owner, category, x, n };
}

function inCategory(units, c) {
    if (units.K === 1) return units;
    let size = 0;
    const cells = new Int32Array(units.n.length);
    for (let k = 0; k < cells.length; k++) if (units.category[k] === c) cells[size++] = k;
    const own = cells.subarray(0, size);
    const x = units.x.map((all) => sized(size).map((_, k) => all[own[k]]));
    return unitsOf(own.map((k) => units.owner[k]), new Int32Array(size), x);
}

function together(units) {
    if (units.K === 1) return units;
    const owner = new Int32Array(units.G).map((_, g) => g);
    return unitsOf(owner, new Int32Array(units.G), units.x.map((all) => perUnit(units, (k) => all[k])));
}

function perUnit(units, f) {  // the sum over each unit's cells
    const found = sized(units.G);
    for (let g = 0; g < units.G; g++) for (let k = units.start[g]; k < units.start[g + 1]; k++) found[g] += f(k);
    return found;
}

// Of raters or of prompts: H = D - LL', D = diag(d), and what the trace formulas need of it.
function sideOf(units, totals, others) {
    const K = totals.length, { G, start, category, n } = units, filled = sized(K);
    others.n.forEach((size, k) => { filled[others.category[k]] += (size / totals[others.category[k]]) ** 2; });
    const d = perUnit(units, (k) => n[k]), low = n.map((size, k) => size / Math.sqrt(totals[category[k]]));
    function gram(weights) {  // sum of weight_g L_g L_g', as rows
        const M = totals.map(() => sized(K));
        for (let g = 0; g < G; g++) for (let i = start[g]; i < start[g + 1]; i++) {
            const row = M[category[i]], x = weights[g] * low[i];
            for (let j = start[g]; j < start[g + 1]; j++) row[category[j]] += x * low[j];
        }
        return M.map((row) => Array.from(row));
    }
    function forms(M) {  // L_g' M L_g of each unit
        const found = sized(G);
        for (let g = 0; g < G; g++) for (let i = start[g]; i < start[g + 1]; i++) {
            const row = M[category[i]];
            let sum = 0;
            for (let j = start[g]; j < start[g + 1]; j++) sum += row[category[j]] * low[j];
            found[g] += low[i] * sum;
        }
        return found;
    }
    const one = gram(sized(G).fill(1)), t = perUnit(units, (k) => low[k] ** 2), q = forms(one);
    const ofD = forms(gram(d)), twice = forms(product(one, one));
    return {
        d, t, q, one, gram,
        u: d.map((size) => 1 / (size + 50) ** 2),
        h: d.map((x, g) => x - t[g]),  // the diagonals of H, H^2, H^3
        h2: d.map((x, g) => x * x - 2 * x * t[g] + q[g]),
        h3: d.map((x, g) => x * (x * x - 2 * x * t[g] + q[g]) - t[g] * x * x + x * q[g] + ofD[g] - twice[g]),
        met: perUnit(units, (k) => n[k] - n[k] * n[k] * filled[category[k]]).map((x) => Math.max(0, x)),
    };
}

function panelOf(raters, prompts, K) {
    const totals = new Array(K).fill(0);
    raters.n.forEach((n, k) => { totals[raters.category[k]] += n; });
    const N = add(totals), left = N - K, sides = [sideOf(raters, totals, prompts), sideOf(prompts, totals, raters)];
    const [r, p] = sides;
    const load = [dot(r.d, r.d) / N ** 2, dot(p.d, p.d) / N ** 2, 1 / N];
    const moments = [
        [dot(r.u, r.h2), dot(r.u, r.met), dot(r.u, r.h)],
        [dot(p.u, p.met), dot(p.u, p.h2), dot(p.u, p.h)],
        [add(r.h), add(p.h), left],
    ];
    const panel = { units: [raters, prompts], K, totals, N, left, u: [r.u, p.u], load, moments, w: null };
    if (raters.G < 2 || prompts.G < 2) return panel;
    const w = times(turned(pseudoinverse(moments)), load), w3 = w[2];
    const expected = [0, 0, 0], spread = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
    let alone = 0, squared = 0;
    sides.forEach((side, j) => {
        const { d, t, q, one, gram } = side, W = side.u.map((u) => w[j] * u);
        const z = d.map((x, g) => q[g] - 2 * x * t[g]);
        const Gw = gram(W), Gwd = gram(W.map((x, g) => x * d[g])), Gwdd = gram(W.map((x, g) => x * d[g] ** 2));
        const GwG = product(Gw, one), weigh = (f) => W.reduce((sum, x, g) => sum + x * x * f(d[g], g), 0);
        const hwh = dot(W, side.h2), wh = dot(W, side.h);
        const wh2wh2 = weigh((n, g) => n ** 4 + 2 * n * n * z[g]) + 2 * traceOf(Gwdd, Gw) + 2 * traceOf(Gwd, Gwd)
            - 4 * traceOf(GwG, Gwd) + traceOf(GwG, GwG);
        const whwh2 = weigh((n, g) => n ** 3 + n * z[g] - n * n * t[g]) + 2 * traceOf(Gwd, Gw) - traceOf(GwG, Gw);
        const whwh = weigh((n, g) => n * n - 2 * n * t[g]) + traceOf(Gw, Gw);
        expected[j] = hwh + w3 * add(side.h);
        spread[j][j] = wh2wh2 + 2 * w3 * dot(W, side.h3) + w3 * w3 * add(side.h2);
        spread[j][2] = spread[2][j] = whwh2 + 2 * w3 * hwh + w3 * w3 * add(side.h);
        alone += wh;
        squared += whwh;
    });
    expected[2] = alone + w3 * left;
    spread[2][2] = squared + 2 * w3 * alone + w3 * w3 * left;
    return { ...panel, w, expected, spread };
}

// Whether raters keep to one category each.
function keepToOne(raters, K) {
    if (K < 2) return false;
    const whole = new Array(K).fill(0), home = new Array(K).fill(0);
    for (let g = 0; g < raters.G; g++) {
        let best = raters.start[g];  // cells stand in the order of categories: of several, the first
        for (let k = best; k < raters.start[g + 1]; k++) {
            whole[raters.category[k]] += raters.n[k];
            if (raters.n[k] > raters.n[best]) best = k;
        }
        home[raters.category[best]] += raters.n[best];
    }
    const strange = whole.filter((n, c) => home[c] < 0.9 * n);
    return add(strange) <= Math.max(1, 0.01 * add(whole)) && strange.length < K - 1;
}

function designOf(raters, prompts, K) {
    const N = add(raters.n), byCategory = K > 1 && prompts.G >= 2 * K;
    if (K > 1 && !byCategory) return { N, panels: [panelOf(together(raters), together(prompts), 1)] };
    if (!keepToOne(raters, K)) return { N, panels: [panelOf(raters, prompts, K)] };
    const panels = [];
    for (let c = 0; c < K; c++) panels.push(panelOf(inCategory(raters, c), inCategory(prompts, c), 1));
    return { N, panels };
}

// --- The variances ---------------------------------------------------------------------------------------------------

// Variances of raters, prompts and the rest by moments; what comes out negative, beyond rounding, is set to zero and
// the rest fitted again.
function notNegative(moments, seen) {
    let keep = [0, 1, 2];
    for (;;) {
        const fitted = times(pseudoinverse(keep.map((i) => keep.map((j) => moments[i][j]))), keep.map((i) => seen[i]));
        const least = -1e-9 * Math.max(...fitted.map(Math.abs));
        const rest = keep.filter((at, k) => at === 2 || fitted[k] >= least);
        if (rest.length === keep.length) {
            const found = [0, 0, 0];
            keep.forEach((at, k) => { found[at] = Math.max(fitted[k], 0); });
            return found;
        }
        keep = rest;
    }
}

// A panel's sums of squares Q, its residual variance and the one-way variances, of scores by choice.
function seenIn(panel, score) {
    const sums = sized(panel.K), totals = panel.units.map(({ x }) => x[0].map(
        (count, k) => score[0] * count + score[1] * x[1][k] + score[2] * x[2][k]));
    totals[0].forEach((total, k) => { sums[panel.units[0].category[k]] += total; });
    const squares = add(panel.units[0].x.map((counts, at) => score[at] ** 2 * add(counts)));
    const means = sums.map((sum, c) => sum / panel.totals[c]), Q = [], oneWay = [];
    panel.units.forEach((units, at) => {
        const own = perUnit(units, (k) => totals[at][k] - units.n[k] * means[units.category[k]]);
        const free = units.G - (at ? panel.K : 1);
        Q.push(own.reduce((sum, e, g) => sum + panel.u[at][g] * e * e, 0));
        oneWay.push(free > 0 ? dot(own, own) * units.G / free / panel.N ** 2 : 0);
    });
    Q.push(Math.max(0, squares - means.reduce((sum, m, c) => sum + panel.totals[c] * m * m, 0)));
    return { Q, oneWay, residual: Q[2] / Math.max(panel.left, 1) };
}

// The variance and degrees of freedom of the widest piece of the default interval; null where there is none.
function effective(design, nRaters, nPrompts, score, level) {
    const { panels, N } = design;
    if (nRaters < 2 || nPrompts < 2) return null;
    if (2 * add(panels.filter((panel) => panel.w).map((panel) => panel.N)) < N) return null;
    const parts = panels.map((panel) => ({ panel, share: panel.N / N, ...seenIn(panel, score) }));
    const mean = add(parts.map((part) => part.share * part.residual));
    for (const part of parts) part.scale = Math.max(part.residual / (mean > 0 ? mean : 1), 0.02);
    const pooled = parts.filter((part) => part.panel.left > 0);
    const moments = [0, 1, 2].map((i) => [0, 1, 2].map((j) => add(pooled.map((part) => part.panel.moments[i][j]))));
    const fitted = notNegative(moments, [0, 1, 2].map((i) => add(pooled.map((part) => part.Q[i] / part.scale))));
    let value = 0, known = 0, whole = 0, top = 0, below = 0;
    const oneWay = [0, 0];
    for (const { panel, share, scale, Q, oneWay: alone } of parts) {
        const s = fitted.map((x) => x * scale), weight = share ** 2, model = weight * dot(panel.load, s);
        whole += model;
        alone.forEach((x, at) => { oneWay[at] += weight * x; });
        if (!panel.w) continue;
        known += model;
        value += weight * dot(panel.w, Q);
        top += weight * dot(panel.expected, s);
        below += weight ** 2 * dot(s, times(panel.spread, s));
    }
    if (parts.length > 1 && known > 0) value *= whole / known;
    const df = below > 0 ? top ** 2 / below : 0, least = 1e-12 * mean;
    const pieces = [[value, df], [oneWay[0], nRaters - 1], [oneWay[1], nPrompts - 1]].filter(
        ([variance, free]) => variance > least && free > 0);
    const width = ([variance, free]) => quantile(level, free) * Math.sqrt(variance);
    return pieces.reduce((best, piece) => (best === null || width(piece) > width(best) ? piece : best), null);
}

// The narrower intervals' variances of one block: CR1 by rater and by prompt, two-way, independent. `units`: raters and
// prompts, all categories as one; `counts`: 1 for the choices that count, 0 for others.
function narrower(units, score, counts) {
    const [size, total] = [counts, score].map((by) => units.map(({ G, x }) => sized(G).map(
        (_, g) => by[0] * x[0][g] + by[1] * x[1][g] + by[2] * x[2][g])));
    const n = add(size[0]), m = add(total[0]) / n;
    const squares = add(units[0].x.map((all, at) => counts[at] * (score[at] - m) ** 2 * add(all))) / n ** 2;
    const [r, p] = size.map((all) => all.reduce((sum, x) => sum + Number(x > 0), 0));
    const [byRater, byPrompt] = [r, p].map((G, at) => G < 2 ? null : G / (G - 1)
        * total[at].reduce((sum, x, g) => sum + (x - m * size[at][g]) ** 2, 0) / n ** 2);
    const both = r < 2 || p < 2 ? null : Math.max(byRater + byPrompt - n / (n - 1) * squares, byRater, byPrompt);
    return { n, independent: n > 1 ? [squares, null] : null, by_rater: r < 2 ? null : [byRater, r - 1],
        by_prompt: p < 2 ? null : [byPrompt, p - 1], two_way: both === null ? null : [both, Math.min(r, p) - 1] };
}

const NARROWER = ["two_way", "by_rater", "by_prompt", "independent"];

// The same over several blocks, whose variances are added; `nRaters`, `nPrompts`: of all.
function narrowerOf(blocks, score, counts, nRaters, nPrompts) {
    const parts = blocks.map((units) => narrower(units, score, counts)).filter((part) => part.n > 0), found = {};
    if (blocks.length === 1) return parts[0];
    const n = add(parts.map((part) => part.n));
    const [r, p] = [nRaters - 1, nPrompts - 1];
    const df = { by_rater: r, by_prompt: p, two_way: Math.min(r, p), independent: null };
    for (const name of NARROWER) {
        const lacks = parts.some((part) => part[name] === null);
        found[name] = lacks ? null : [add(parts.map((part) => (part.n / n) ** 2 * part[name][0])), df[name]];
    }
    return found;
}
