// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

extension MovedDomainTests {
  /// A domain with about everything that a VM's definition can have.
  static let protected = """
    <domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
    <name>web1</name><uuid>old</uuid><genid>3c3c2c1a-0000-4000-8000-000000000001</genid>
    <title>The web server</title><description>of the shop</description>
    <metadata><os:id xmlns:os='urn:someone:else'> kept as it is </os:id></metadata>
    <memory unit='KiB'>4194304</memory><currentMemory unit='KiB'>2097152</currentMemory>
    <memoryBacking><hugepages/></memoryBacking>
    <vcpu placement='static' cpuset='0-7'>4</vcpu><iothreads>1</iothreads>
    <cputune><shares>2048</shares><vcpupin vcpu='0' cpuset='4'/></cputune>
    <numatune><memory mode='strict' nodeset='0'/></numatune>
    <resource><partition>/machine/web</partition></resource>
    <sysinfo type='smbios'><system><entry name='manufacturer'>Someone</entry>
    <entry name='uuid'>old</entry></system></sysinfo>
    <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <firmware><feature enabled='yes' name='secure-boot'/></firmware>
    <loader readonly='yes' secure='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'>/nvram/web1_VARS.fd</nvram>
    <smbios mode='sysinfo'/></os>
    <features><acpi/><apic/><hyperv mode='custom'><relaxed state='on'/></hyperv>
    <smm state='on'/></features>
    <cpu mode='host-model' check='partial'>
    <topology sockets='1' dies='1' cores='4' threads='1'/></cpu>
    <clock offset='localtime'><timer name='rtc' tickpolicy='catchup'/>
    <timer name='hypervclock' present='yes'/></clock>
    <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>restart</on_crash>
    <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='block' device='disk'><driver name='qemu' type='raw' cache='none' io='native'/>
    <source dev='/dev/vg/web1'/><target dev='vda' bus='virtio'/><serial>S1</serial><boot order='1'/>
    <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></disk>
    <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/iso/x.iso'/>
    <target dev='sda' bus='sata'/><readonly/></disk>
    <controller type='usb' index='0' model='qemu-xhci'/>
    <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br7'/>
    <model type='e1000e'/><link state='up'/>
    <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></interface>
    <serial type='file'><source path='/log/web1'/><target type='isa-serial' port='0'/></serial>
    <console type='file'><source path='/log/web1'/><target type='serial' port='0'/></console>
    <channel type='unix'><source mode='bind' path='/x'/>
    <target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <input type='tablet' bus='usb'/>
    <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
    <graphics type='vnc' port='5901' autoport='no' listen='10.0.0.5' passwd='secret'>
    <listen type='address' address='10.0.0.5'/></graphics>
    <video><model type='virtio' heads='1'/></video>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    </devices>
    <seclabel type='dynamic' model='selinux' relabel='yes'/>
    <qemu:commandline><qemu:arg value='-no-fd-bootchk'/></qemu:commandline>
    </domain>
    """

  /// All that is another in the recovered domain, and nothing else.
  static let intended = """
    -  <name>web1</name>
    -  <uuid>old</uuid>
    -  <genid>3c3c2c1a-0000-4000-8000-000000000001</genid>
    +  <name>web1 - testing recovery</name>
    +  <uuid>new</uuid>
    +  <genid/>
    +    <understudy:recovered xmlns:understudy='urn:understudy:domain:1'/>
    -  <memoryBacking/>
    -    <hugepages/>
    -  <vcpu cpuset='0-7' placement='static'>4</vcpu>
    +  <vcpu placement='static'>4</vcpu>
    -    <vcpupin cpuset='4' vcpu='0'/>
    -  <numatune/>
    -    <memory mode='strict' nodeset='0'/>
    -  <resource/>
    -    <partition>/machine/web</partition>
    -      <entry name='uuid'>old</entry>
    +      <entry name='uuid'>new</entry>
    -    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'>/nvram/web1_VARS.fd</nvram>
    +    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd'/>
    -    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    -    <disk device='disk' type='block'/>
    -      <driver cache='none' io='native' name='qemu' type='raw'/>
    -      <source dev='/dev/vg/web1'/>
    +    <disk device='disk' type='file'/>
    +      <driver cache='none' error_policy='stop' io='native' name='qemu' rerror_policy='stop' \
    type='qcow2'/>
    +      <source file='/scratch/vda.qcow2'/>
    +      <backingStore type='network'/>
    +        <format type='raw'/>
    +        <source name='scsi:0:0' protocol='nbd'/>
    +          <host socket='/s' transport='unix'/>
    +          <reconnect delay='30'/>
    +        <backingStore/>
    -      <source file='/iso/x.iso'/>
    -    <interface type='bridge'/>
    -      <mac address='52:54:00:00:00:01'/>
    -      <source bridge='br7'/>
    +    <interface type='network'/>
    +      <mac address='52:54:00:aa:00:00'/>
    +      <source network='test'/>
    -    <serial type='file'/>
    -      <source path='/log/web1'/>
    +    <serial type='pty'/>
    -    <console type='file'/>
    -      <source path='/log/web1'/>
    +    <console type='pty'/>
    -      <source mode='bind' path='/x'/>
    -    <graphics autoport='no' listen='10.0.0.5' passwd='secret' port='5901' type='vnc'/>
    -      <listen address='10.0.0.5' type='address'/>
    +    <graphics autoport='yes' listen='127.0.0.1' passwd='secret' port='-1' type='vnc'/>
    +      <listen address='127.0.0.1' type='address'/>
    -  <seclabel model='selinux' relabel='yes' type='dynamic'/>
    """
}
