// See distributions.js for what this is.
"use strict";

// --- The design of a panel -------------------------------------------------------------------------------------------
// Units are raters or prompts. Their cells stand one after another, those of unit g from start[g] to start[g + 1], in
// the order of their categories; a cell is of one category, with its number of ratings n and how many of them are for a,
// without preference and for b: x[0], x[1], x[2]. With a million ratings there may be a million cells: they are walked
// in plain loops, and once for all that is wanted of them.

const sized = (n) => new Float64Array(n);

function unitsOf(start, category, x, K) {
    const n = sized(category.length), [a, none, b] = x;
    for (let k = 0; k < n.length; k++) n[k] = a[k] + none[k] + b[k];
    return { G: start.length - 1, K, start, category, x, n, sums: x.map(add) };
}

// Units with one cell each, of the counts `x`.
function single(x) {
    const size = x[0].length, start = new Int32Array(size + 1);
    for (let g = 0; g <= size; g++) start[g] = g;
    return unitsOf(start, new Int32Array(size), x, 1);
}

// The units of each category by itself.
function byCategory(units) {
    if (units.K === 1) return [units];
    if (units.parts) return units.parts;
    const { category, x, K } = units, size = new Int32Array(K), next = new Int32Array(K);
    for (let k = 0; k < category.length; k++) size[category[k]]++;
    const own = Array.from(size, (cells) => [sized(cells), sized(cells), sized(cells)]);
    for (let k = 0; k < category.length; k++) {
        const c = category[k], at = next[c]++;
        for (let choice = 0; choice < 3; choice++) own[c][choice][at] = x[choice][k];
    }
    units.parts = own.map(single);
    return units.parts;
}

// The units with all categories as one.
function together(units) {
    if (units.K === 1) return units;
    const { G, start } = units;
    return single(units.x.map((all) => {
        const found = sized(G);
        for (let g = 0; g < G; g++) for (let k = start[g]; k < start[g + 1]; k++) found[g] += all[k];
        return found;
    }));
}

// Five sums over the units of weight_g L_g L_g', each K x K in a row: the weights are 1, d, u, u d and u d^2.
function gramsOf({ G, start, category }, low, d, u, K) {
    const [one, byD, byU, byUD, byUDD] = [0, 1, 2, 3, 4].map(() => sized(K * K));
    for (let g = 0; g < G; g++) {
        const size = d[g], weight = u[g], weightD = weight * size, weightDD = weightD * size;
        for (let i = start[g]; i < start[g + 1]; i++) for (let j = start[g]; j <= i; j++) {
            const at = category[i] * K + category[j], x = low[i] * low[j];
            one[at] += x;
            byD[at] += size * x;
            byU[at] += weight * x;
            byUD[at] += weightD * x;
            byUDD[at] += weightDD * x;
        }
    }
    const all = [one, byD, byU, byUD, byUDD];
    for (const M of all) for (let i = 0; i < K; i++) for (let j = 0; j < i; j++) M[j * K + i] = M[i * K + j];
    return all;
}

// Of raters or of prompts: H = D - LL', D = diag(d). `rates`: by choice its share of each category. What it gives: per
// unit the weight u and, by choice, the ratings beyond those shares (`apart`); and over all units the sums of the
// diagonals of H and its powers, plain and weighted, that the trace formulas need.
function sideOf(units, totals, rates, others) {
    const K = totals.length, { G, start, category, n, x: [a, none, b] } = units, filled = sized(K);
    for (let k = 0; k < others.n.length; k++) {
        const part = others.n[k] / totals[others.category[k]];
        filled[others.category[k]] += part * part;
    }
    const [d, t, u, ...apart] = Array.from({ length: 6 }, () => sized(G)), low = sized(n.length);
    const roots = totals.map(Math.sqrt), [rateA, rateNone, rateB] = rates, [apartA, apartNone, apartB] = apart;
    let d2 = 0, met = 0;
    for (let g = 0; g < G; g++) {
        let size = 0, own = 0, shared = 0, moreA = 0, moreNone = 0, moreB = 0;
        for (let k = start[g]; k < start[g + 1]; k++) {
            const c = category[k], cell = n[k], scaled = cell / roots[c];
            low[k] = scaled;
            size += cell;
            own += scaled * scaled;
            shared += cell - cell * cell * filled[c];
            moreA += a[k] - cell * rateA[c];
            moreNone += none[k] - cell * rateNone[c];
            moreB += b[k] - cell * rateB[c];
        }
        d[g] = size;
        t[g] = own;
        u[g] = 1 / ((size + 50) * (size + 50));
        d2 += size * size;
        met += u[g] * Math.max(0, shared);
        apartA[g] = moreA;
        apartNone[g] = moreNone;
        apartB[g] = moreB;
    }
    const grams = gramsOf(units, low, d, u, K), [one, byD] = grams, squared = product(one, one, K);
    let h = 0, h2 = 0, uh = 0, uh2 = 0, uh3 = 0, second = 0, third = 0, fourth = 0;
    for (let g = 0; g < G; g++) {
        let q = 0, formD = 0, twice = 0;  // L_g' M L_g, M the sums of L L', of d L L', and the square of the first
        for (let i = start[g]; i < start[g + 1]; i++) {
            const row = category[i] * K, at = row + category[i], own = low[i] * low[i];
            q += own * one[at];
            formD += own * byD[at];
            twice += own * squared[at];
            for (let j = start[g]; j < i; j++) {
                const x = 2 * low[i] * low[j], other = row + category[j];
                q += x * one[other];
                formD += x * byD[other];
                twice += x * squared[other];
            }
        }
        const size = d[g], weight = u[g], z = q - 2 * size * t[g], ofH = size - t[g], ofH2 = size * size + z;
        h += ofH;
        h2 += ofH2;
        uh += weight * ofH;
        uh2 += weight * ofH2;
        uh3 += weight * (size * ofH2 - size * size * t[g] + size * q + formD - twice);
        second += weight * weight * (size * size - 2 * size * t[g]);
        third += weight * weight * size * (size * size + z - size * t[g]);
        fourth += weight * weight * size * size * (size * size + 2 * z);
    }
    return { K, u, apart, grams, sums: { d2, met, h, h2, uh, uh2, uh3, second, third, fourth } };
}

// The expectation and the spread of w u_g H_g^2 summed over one side's units, with w3 times the rest.
function momentsOf({ K, grams: [one, , byU, byUD, byUDD], sums }, w, w3) {
    const [Gw, Gwd, Gwdd] = [byU, byUD, byUDD].map((M) => M.map((value) => w * value));
    const GwG = product(Gw, one, K), wh = w * sums.uh, hwh = w * sums.uh2;
    const trace = (A, B) => traceOf(A, B, K);
    const wh2wh2 = w * w * sums.fourth + 2 * trace(Gwdd, Gw) + 2 * trace(Gwd, Gwd) - 4 * trace(GwG, Gwd)
        + trace(GwG, GwG);
    const whwh2 = w * w * sums.third + 2 * trace(Gwd, Gw) - trace(GwG, Gw);
    return { wh, whwh: w * w * sums.second + trace(Gw, Gw), expected: hwh + w3 * sums.h,
        own: wh2wh2 + 2 * w3 * w * sums.uh3 + w3 * w3 * sums.h2, cross: whwh2 + 2 * w3 * hwh + w3 * w3 * sums.h };
}

function panelOf(raters, prompts, K) {
    const { category } = raters, totals = sized(K), given = raters.x.map((counts) => {
        const found = sized(K);
        for (let k = 0; k < counts.length; k++) found[category[k]] += counts[k];
        return found;
    });
    for (const counts of given) counts.forEach((count, c) => { totals[c] += count; });
    const rates = given.map((counts) => counts.map((count, c) => count / totals[c])), N = add(totals), left = N - K;
    const sides = [sideOf(raters, totals, rates, prompts), sideOf(prompts, totals, rates, raters)], [r, p] = sides.map(({ sums }) => sums);
    const load = [r.d2 / N ** 2, p.d2 / N ** 2, 1 / N];
    const moments = [
        [r.uh2, r.met, r.uh],
        [p.met, p.uh2, p.uh],
        [r.h, p.h, left],
    ];
    const panel = { K, totals, rates, given: given.map(add), N, left, sides, load, moments, w: null };
    if (raters.G < 2 || prompts.G < 2) return panel;
    const w = times(turned(pseudoinverse(moments)), load), w3 = w[2];
    const expected = [0, 0, 0], spread = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
    let wh = 0, whwh = 0;
    sides.forEach((side, j) => {
        const found = momentsOf(side, w[j], w3);
        expected[j] = found.expected;
        spread[j][j] = found.own;
        spread[j][2] = spread[2][j] = found.cross;
        wh += found.wh;
        whwh += found.whwh;
    });
    expected[2] = wh + w3 * left;
    spread[2][2] = whwh + 2 * w3 * wh + w3 * w3 * left;
    return { ...panel, w, expected, spread };
}

// Whether raters keep to one category each.
function keepToOne(raters, K) {
    if (K < 2) return false;
    const { G, start, category, n } = raters, whole = sized(K), home = sized(K);
    for (let g = 0; g < G; g++) {
        let best = start[g];  // cells stand in the order of categories: of several, the first
        for (let k = best; k < start[g + 1]; k++) {
            whole[category[k]] += n[k];
            if (n[k] > n[best]) best = k;
        }
        home[category[best]] += n[best];
    }
    const strange = whole.filter((size, c) => home[c] < 0.9 * size);
    return add(strange) <= Math.max(1, 0.01 * add(whole)) && strange.length < K - 1;
}

function designOf(raters, prompts, K) {
    const N = add(raters.sums), whole = (panels) => ({ N, panels, inverses: new Map() });
    if (K > 1 && prompts.G < 2 * K) return whole([panelOf(together(raters), together(prompts), 1)]);
    if (!keepToOne(raters, K)) return whole([panelOf(raters, prompts, K)]);
    const [own, others] = [byCategory(raters), byCategory(prompts)];
    return whole(own.map((each, c) => panelOf(each, others[c], 1)));
}

// --- The variances ---------------------------------------------------------------------------------------------------

// Variances of raters, prompts and the rest by moments; what comes out negative, beyond rounding, is set to zero and
// the rest fitted again. `inverses`: of the moments that were inverted already, by which were kept.
function notNegative(moments, seen, inverses) {
    let keep = [0, 1, 2];
    for (;;) {
        const key = keep.join();
        if (!inverses.has(key)) inverses.set(key, pseudoinverse(keep.map((i) => keep.map((j) => moments[i][j]))));
        const fitted = times(inverses.get(key), keep.map((i) => seen[i]));
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
function seenIn(panel, [sa, sn, sb]) {
    const { K, N, totals, rates, given, left } = panel, Q = [], oneWay = [];
    panel.sides.forEach(({ u, apart: [ea, en, eb] }, at) => {
        const G = u.length, free = G - (at ? K : 1);
        let weighted = 0, plain = 0;
        for (let g = 0; g < G; g++) {
            const own = sa * ea[g] + sn * en[g] + sb * eb[g];
            weighted += u[g] * own * own;
            plain += own * own;
        }
        Q.push(weighted);
        oneWay.push(free > 0 ? plain * G / free / N ** 2 : 0);
    });
    const squares = sa ** 2 * given[0] + sn ** 2 * given[1] + sb ** 2 * given[2];
    const between = totals.map((n, c) => n * (sa * rates[0][c] + sn * rates[1][c] + sb * rates[2][c]) ** 2);
    Q.push(Math.max(0, squares - add(between)));
    return { Q, oneWay, residual: Q[2] / Math.max(left, 1) };
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
    const fitted = notNegative(moments, [0, 1, 2].map((i) => add(pooled.map((part) => part.Q[i] / part.scale))),
        design.inverses);
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
    const n = dot(counts, units[0].sums), m = dot(score, units[0].sums) / n, [sa, sn, sb] = score, [ca, cn, cb] = counts;
    const squares = units[0].sums.reduce((sum, x, at) => sum + counts[at] * (score[at] - m) ** 2 * x, 0) / n ** 2;
    const [[r, byRater], [p, byPrompt]] = units.map(({ G, x: [a, none, b] }) => {
        let used = 0, sum = 0;
        for (let g = 0; g < G; g++) {
            const size = ca * a[g] + cn * none[g] + cb * b[g];
            used += Number(size > 0);
            const own = sa * a[g] + sn * none[g] + sb * b[g] - m * size;
            sum += own * own;
        }
        return [used, used < 2 ? null : used / (used - 1) * sum / n ** 2];
    });
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
