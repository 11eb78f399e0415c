// A report's shares, net shares and intervals, computed from its ratings once more. Written from the formulas of
// docs/statistics.md ("The intervals in formulas"), whose letters it uses; it shares nothing with the program that made
// the report. Plain JavaScript, for a browser without a network.
"use strict";

// --- Distributions -------------------------------------------------------------------------------------------------

// The gamma function's ratio Gamma(a + 1/2) / Gamma(a), a > 0: the recurrence up to a = 40, then the asymptotic series.
function gammaRatio(a) {
    let factor = 1;
    for (; a < 40; a += 1) factor *= a / (a + 0.5);
    const x = 1 / a;
    const terms = [869 / 4194304, -399 / 262144, -21 / 32768, 5 / 1024, 1 / 128, -1 / 8, 1];
    return factor * Math.sqrt(a) * terms.reduce((sum, term) => sum * x + term, 0);
}

// Lentz's continued fraction of the incomplete beta function: I_x(a, b) = front * fraction / a, for
// x < (a + 1) / (a + b + 2).
function betaFraction(x, a, b) {
    const tiny = 1e-300;
    let c = 1, d = 1 / (1 - (a + b) * x / (a + 1) || tiny), found = d;
    for (let m = 1; m < 100000; m++) {
        const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / (1 + even * d || tiny); c = 1 + even / c || tiny; found *= d * c;
        const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + odd * d || tiny); c = 1 + odd / c || tiny;
        found *= d * c;
        if (Math.abs(d * c - 1) < 1e-16) break;
    }
    return found;
}

// P(T > t) and the density at t > 0 of Student's t with df degrees of freedom; of the normal where df is null. Beyond
// 1e5 degrees of freedom, where 1 - x has too few digits left, t becomes a normal value by Fisher's expansion.
function tail(t, df) {
    if (df > 1e5) {
        return tail(t - (t ** 3 + t) / (4 * df) + (13 * t ** 5 + 8 * t ** 3 + 3 * t) / (96 * df * df), null);
    }
    if (df === null) {
        const density = Math.exp(-t * t / 2) / Math.sqrt(2 * Math.PI);
        if (t > 3) {
            let below = t;
            for (let k = 300; k > 0; k--) below = t + k / below;
            return [density / below, density];
        }
        let term = t, sum = t;
        for (let k = 3; term > 1e-17 * sum; k += 2) { term *= t * t / k; sum += term; }
        return [0.5 - density * sum, density];
    }
    const a = df / 2, square = t * t / df, ratio = gammaRatio(a) / Math.sqrt(Math.PI);
    const power = Math.exp(-a * Math.log1p(square));  // (df / (df + t^2))^(df / 2)
    const density = ratio / Math.sqrt(df) * power / Math.sqrt(1 + square);
    const x = 1 / (1 + square), other = square / (1 + square);
    const front = ratio * power * Math.sqrt(other);  // x^a (1 - x)^(1/2) / B(a, 1/2)
    if (x < (a + 1) / (a + 2.5)) return [front * betaFraction(x, a, 0.5) / a / 2, density];
    return [0.5 - front * betaFraction(other, 0.5, a), density];
}

const quantiles = new Map();

// The two-sided quantile: t with P(|T| > t) = 1 - level. Newton's steps on logarithms, kept between known bounds.
function quantile(level, df) {
    const key = `${level} ${df}`;
    if (quantiles.has(key)) return quantiles.get(key);
    const wanted = (1 - level) / 2;
    let low = 0, high = 1;
    while (tail(high, df)[0] > wanted) { low = high; high *= 2; }
    let t = low > 0 ? Math.sqrt(low * high) : high / 2;
    for (let step = 0; step < 200; step++) {
        const [above, density] = tail(t, df);
        if (above > wanted) low = t; else high = t;
        let next = t * Math.exp(Math.log(above / wanted) * above / (t * density));
        if (!(next > low && next < high)) next = (low + high) / 2;
        const done = Math.abs(next - t) <= 4e-16 * t;
        t = next;
        if (done) break;
    }
    quantiles.set(key, t);
    return t;
}

// --- Small matrices, as rows -----------------------------------------------------------------------------------------

const turned = (A) => A[0].map((_, j) => A.map((row) => row[j]));
const times = (A, v) => A.map((row) => row.reduce((sum, x, k) => sum + x * v[k], 0));
function dot(v, w) {
    let sum = 0;
    for (let k = 0; k < v.length; k++) sum += v[k] * w[k];
    return sum;
}
function add(values) {
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[k];
    return sum;
}

// Of K x K matrices, each in a row of K * K numbers: the product, and the trace of the product.
function product(A, B, K) {
    const found = new Float64Array(K * K);
    for (let i = 0; i < K; i++) for (let k = 0; k < K; k++) {
        const x = A[i * K + k];
        for (let j = 0; j < K; j++) found[i * K + j] += x * B[k * K + j];
    }
    return found;
}
function traceOf(A, B, K) {
    let sum = 0;
    for (let i = 0; i < K; i++) for (let k = 0; k < K; k++) sum += A[i * K + k] * B[k * K + i];
    return sum;
}

// The pseudoinverse by one-sided Jacobi rotations; singular values below 1e-9 of the largest count as zero.
function pseudoinverse(A) {
    const n = A.length, U = turned(A), V = A.map((_, i) => A.map((__, j) => Number(i === j)));  // both as columns
    for (let sweep = 0, turns = 1; sweep < 60 && turns; sweep++) {
        turns = 0;
        for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) {
            const p = dot(U[i], U[i]), q = dot(U[j], U[j]), r = dot(U[i], U[j]);
            if (!(Math.abs(r) > 1e-17 * Math.sqrt(p * q))) continue;
            turns++;
            const z = (q - p) / (2 * r), s = (z < 0 ? -1 : 1) / (Math.abs(z) + Math.hypot(1, z));
            const cos = 1 / Math.hypot(1, s), sin = cos * s;
            for (const M of [U, V]) {
                const old = M[i];
                M[i] = old.map((x, k) => cos * x - sin * M[j][k]);
                M[j] = old.map((x, k) => sin * x + cos * M[j][k]);
            }
        }
    }
    const sizes = U.map((u) => dot(u, u)), least = 1e-18 * Math.max(...sizes);
    const found = A.map(() => A.map(() => 0));
    sizes.forEach((size, k) => {
        if (!(size > least)) return;
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) found[i][j] += V[k][i] * U[k][j] / size;
    });
    return found;
}
