# Copyright the Understudy authors
# SPDX-License-Identifier: Apache-2.0
"""Drives zertoapl, as it is, against a manager at ADDRESS, port 9669.

usage: zertoapl_calls.py ADDRESS USER PASSWORD
"""

import inspect
import sys
import urllib3

from zertoapl import vpg, vra, zerto_auth, zvm

urllib3.disable_warnings()

# Methods that change things, or whose paths no server ever had.
LEFT_OUT = {
    "zvm.delLicense", "zvm.sendBillingData", "zvm.pairToSite", "zvm.filteredEvents",
    "vpgs.generatePeeringToken",
}


def main(address, user, password):
    header = zerto_auth.login(address, user, password)
    assert header and header["x-zerto-session"], "no session"
    failures, calls = [], 0
    modules = [zvm.zvm, vpg.vpgs, vpg.vpgSettings, vra.vra]
    for made in modules:
        client = made(address, header)
        for name, method in inspect.getmembers(client, inspect.ismethod):
            parameters = inspect.signature(method).parameters.values()
            needed = [p for p in parameters if p.default is inspect.Parameter.empty]
            if name.startswith("_") or f"{made.__name__}.{name}" in LEFT_OUT or needed:
                continue
            answer = method()
            calls += 1
            request = f"{made.__name__}.{name}: {answer.request.method} {answer.request.path_url}"
            print(request, answer.status_code)
            if answer.status_code != 200:
                failures.append(f"{request}: {answer.status_code} {answer.text[:200]}")
            elif answer.content:
                answer.json()
    assert calls > 30, calls
    assert not failures, "\n".join(failures)


main(*sys.argv[1:])
