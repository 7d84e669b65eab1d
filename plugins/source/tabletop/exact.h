/* SPDX-License-Identifier: Apache-2.0 */
/* Elementary functions that give the same bits everywhere, because they consist of the operations
 * that IEEE 754 rounds exactly. libm may differ from machine to machine; these do not. */
#ifndef TABLETOP_EXACT_H
#define TABLETOP_EXACT_H

double exact_sin(double x); /* |x| below 1000; error below 1e-13 */
double exact_cos(double x);
double exact_pow(double x, double y); /* x above 0, finite; relative error below 1e-12 */

#endif
