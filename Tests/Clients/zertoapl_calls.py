# Copyright the Understudy authors
# SPDX-License-Identifier: Apache-2.0
"""Drives zertoapl, as it is, against a manager at ADDRESS, port 9669.

Where a VM is protected it reads single objects too, pauses the VPG and resumes it.

usage: zertoapl_calls.py ADDRESS USER PASSWORD
"""

import inspect
import json
import sys
import time
import urllib3

from zertoapl import vpg, vra, zerto_auth, zvm

urllib3.disable_warnings()

# Methods that change things, or whose paths no server ever had.
LEFT_OUT = {
    "zvm.delLicense", "zvm.sendBillingData", "zvm.pairToSite", "zvm.filteredEvents",
    "vpgs.generatePeeringToken",
}


class Reader:
    """Calls reading methods, and notes what came of it."""

    def __init__(self):
        self.calls = 0
        self.failures = []

    def read(self, client, identifiers):
        """Calls every method whose parameters are all known."""
        for name, method in inspect.getmembers(client, inspect.ismethod):
            parameters = inspect.signature(method).parameters.values()
            needed = [p.name for p in parameters if p.default is inspect.Parameter.empty]
            if name.startswith("_") or f"{type(client).__name__}.{name}" in LEFT_OUT:
                continue
            if not set(needed) <= set(identifiers) or bool(needed) != bool(identifiers):
                continue
            if needed and not name.startswith(("get", "info", "datastore")):
                continue
            self.check(name, method(*[identifiers[p] for p in needed]))

    def check(self, name, answer):
        self.calls += 1
        request = f"{name}: {answer.request.method} {answer.request.path_url}"
        print(request, answer.status_code)
        if answer.status_code != 200:
            self.failures.append(f"{request}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer.json() if answer.content else None


def wait(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def drive(reader, address, header):
    """What a script does with a protected VM."""
    site, vpgs = zvm.zvm(address, header), vpg.vpgs(address, header)
    settings = vpg.vpgSettings(address, header)
    known = vpgs.getInfoAllVpgs().json()[0]
    name = known["VpgIdentifier"]
    reader.read(vpgs, {"vpgid": name})
    local = site.getLocalSiteInfo().json()["SiteIdentifier"]
    hosts = site.getHostsAtSite(local).json()
    peer = site.getListOfPeerSites().json()[0]["SiteIdentifier"]
    reader.check("getSinglePeerSites", site.getSinglePeerSites(peer))
    LEFT_OUT.add("zvm.getSinglePeerSites")
    reader.read(site, {
        "siteidentifier": local,
        "hostidentifier": hosts[0]["HostIdentifier"],
        "datastoreid": site.datastoreInfo().json()[0]["DatastoreIdentifier"],
        "eventid": site.allEvents().json()[0]["EventIdentifier"],
        "taskidentifier": site.getAllTasks().json()[0]["TaskIdentifier"],
    })
    made = reader.check(
        "createNewVpgSettingsObject",
        settings.createNewVpgSettingsObject(json.dumps({"VpgIdentifier": name})))
    vm = settings.getAllVmSettingsForAVpg(made).json()[0]["VmIdentifier"]
    reader.read(settings, {"vpgid": made, "vmid": vm})
    reader.check("deleteSettingsObject", settings.deleteSettingsObject(made))

    def substatus():
        return vpgs.getInfoSingleVpg(name).json()["SubStatus"]

    reader.check("pauseVpgProtection", vpgs.pauseVpgProtection(name))
    wait("it does not pause", lambda: substatus() != 0)
    reader.check("resumeVpgProtection", vpgs.resumeVpgProtection(name))
    wait("it does not resume", lambda: substatus() == 0)


def main(address, user, password):
    header = zerto_auth.login(address, user, password)
    assert header and header["x-zerto-session"], "no session"
    reader = Reader()
    for made in [zvm.zvm, vpg.vpgs, vpg.vpgSettings, vra.vra]:
        reader.read(made(address, header), {})
    assert reader.calls > 30, reader.calls
    if vpg.vpgs(address, header).getInfoAllVpgs().json():
        drive(reader, address, header)
        assert reader.calls > 70, reader.calls
    print(reader.calls, "calls")
    assert not reader.failures, "\n".join(reader.failures)


main(*sys.argv[1:])
