# Copyright the Understudy authors
# SPDX-License-Identifier: Apache-2.0
"""Drives zvma10-api-wrapper, as it is, against a manager.

Where a VM is protected it reads single objects too, and tags a checkpoint.

usage: zvma10_calls.py ADDRESS PORT USER PASSWORD
"""

import inspect
import logging
import os
import sys
import tempfile
import time

# It writes a file with an identifier into the folder it runs in.
os.chdir(tempfile.mkdtemp())

from zvma10 import zvma  # noqa: E402

# Methods that change things, or that fail before they ask anyone.
LEFT_OUT = {
    "connect", "disconnect", "is_authenticated", "setup_logging", "setup_posthog", "construct_url",
    "deconstruct_url", "make_api_request", "load_or_generate_uuid", "license_delete",
    "license_apply", "local_site_send_billing", "local_site_banner_update",
    "encryptiondetection_enable", "encryptiondetection_disable", "peer_site_add",
    "peer_site_delete", "alert_dismiss", "alert_undismiss", "vra_cluster_settings",
    "service_profile",
}


def wait(what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def drive(client):
    """What a script does with a protected VM; gives names and answers."""
    vpg = client.vpgs()[0]["VpgIdentifier"]
    vm = client.vms()[0]["VmIdentifier"]
    yield "vpg", client.vpg(vpg)
    yield "vm", client.vm(vm, vpg)
    yield "vm_pointintime", client.vm_pointintime(vm, vpg)
    yield "vm_pointintime_stats", client.vm_pointintime_stats(vm, vpg)
    yield "vpg_checkpoint_stats", client.vpg_checkpoint_stats(vpg)
    yield "volumes", client.volumes(vpgidentifier=vpg)
    yield "datastore", client.datastore(client.datastores()[0]["DatastoreIdentifier"])
    yield "event", client.event(client.events()[0]["EventIdentifier"])
    yield "task", client.task(client.tasks()[0]["TaskIdentifier"])
    yield "vra", client.vra(client.vras()[0]["VraIdentifierStr"])
    yield "peer_site", client.peer_site(client.peer_sites()[0]["SiteIdentifier"])
    yield "vpg_take_checkpoint", client.vpg_take_checkpoint(vpg, "from zvma10")
    wait("there is no tagged checkpoint",
         lambda: any(c["Tag"] == "from zvma10" for c in client.vpg_checkpoints(vpg)))


def main(address, port, user, password):
    client = zvma.zvmsite(
        address, user, password, port=int(port), stats=False, logger=logging.getLogger("zvma10"))
    client.connect()
    wait("it does not log on", lambda: client.is_authenticated() and client.site_id)
    failures, calls = [], 0
    for name, method in inspect.getmembers(client, inspect.ismethod):
        parameters = inspect.signature(method).parameters.values()
        if name.startswith("_") or name in LEFT_OUT:
            continue
        if any(p.default is p.empty for p in parameters):
            continue
        try:
            answer = method()
        except ValueError as error:
            print(name, "needs an identifier:", error)
            continue
        calls += 1
        print(name, str(answer)[:100])
        if answer is None:
            failures.append(name)
    assert calls > 30, calls
    if client.vpgs():
        for name, answer in drive(client):
            calls += 1
            print(name, str(answer)[:100])
            if not answer:
                failures.append(name)
    print(calls, "calls")
    assert not failures, failures


main(*sys.argv[1:])
