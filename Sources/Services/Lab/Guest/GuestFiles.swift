// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// The scripts inside the demo's guest.
///
/// All of its user land is one busybox and the guest agent.
enum GuestFiles {
  /// First process of the initial ram disk: loads drivers, goes on with the root file system.
  static let firstStage = #"""
    #!/bin/busybox sh
    B=/bin/busybox
    $B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
    for m in $($B cat /m/order); do $B insmod /m/$m || echo "insmod $m failed"; done
    i=0; while [ ! -b /dev/vda2 ] && [ $i -lt 100 ]; do $B sleep 0.1; i=$((i+1)); done
    $B mount -t ext4 /dev/vda2 /mnt || exec $B sh
    for d in dev proc sys; do $B mount --move /$d /mnt/$d; done
    exec $B switch_root /mnt /sbin/init
    """# + "\n"

  /// First process of the running guest: network, web server, agent, writer.
  ///
  /// What the disks held when the guest came up is kept as `found-seq` and `found-vdb-seq`
  /// before the writer goes on: the proof of what a recovery brought back.
  static let initialProcess = #"""
    #!/bin/sh
    export PATH=/bin:/sbin:/usr/sbin
    mount -t tmpfs t /run; mount -t tmpfs t /tmp; mkdir -p /run/qga; hostname guest
    ip link set lo up
    if [ -e /sys/class/net/eth0 ]; then
      ip link set eth0 up
      udhcpc -i eth0 -s /etc/udhcpc.sh -b -t 40 -T 1 >/dev/null 2>&1 &
    fi
    [ -b /dev/vdb ] && mount -t ext4 /dev/vdb /vdb
    for f in data vdb; do [ -f /$f/seq ] && cp /$f/seq /tmp/found-$f; done
    if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi >/tmp/boot
    cat /proc/cmdline >>/tmp/boot
    httpd -p 80 -h /www
    for p in /sys/class/virtio-ports/*; do
      n=$(cat $p/name 2>/dev/null)
      [ -n "$n" ] && mkdir -p /dev/virtio-ports && ln -sf ../${p##*/} /dev/virtio-ports/$n
    done
    P=/dev/virtio-ports/org.qemu.guest_agent.0
    [ -e $P ] && qemu-ga -m virtio-serial -p $P -t /run/qga -f /run/qga.pid -l /run/qga.log -d
    echo "GUEST-UP $(cat /proc/uptime)" >/dev/ttyS0
    /sbin/writer &
    exec sh </dev/ttyS0 >/dev/ttyS0 2>&1
    """# + "\n"

  /// Appends `<number> <epoch seconds>` with fsync to a file on the boot disk, then the same
  /// number to one on the data disk, about five times a second; every two seconds without one.
  ///
  /// Numbers that the data disk missed, because the guest was switched off between the two writes,
  /// come first.
  static let writer = #"""
    #!/bin/sh
    n=$(tail -n 1 /data/seq 2>/dev/null | awk '{print $1+0}'); n=${n:-0}
    pause=2; [ -b /dev/vdb ] && pause=0.15
    if [ -b /dev/vdb ]; then
      m=$(tail -n 1 /vdb/seq 2>/dev/null | awk '{print $1+0}')
      awk -v m=${m:-0} '$1 > m' /data/seq 2>/dev/null |
        dd of=/vdb/seq oflag=append conv=notrunc,fsync 2>/dev/null
    fi
    while :; do
      n=$((n+1)); line="$n $(date +%s)"
      echo "$line" | dd of=/data/seq oflag=append conv=notrunc,fsync 2>/dev/null
      [ -b /dev/vdb ] && echo "$line" | dd of=/vdb/seq oflag=append conv=notrunc,fsync 2>/dev/null
      echo $n >/tmp/last.new && mv /tmp/last.new /tmp/last
      sleep $pause
    done
    """# + "\n"

  /// Overwrites the data disk as ransomware would: the files first, then every block.
  static let ransomware = #"""
    #!/bin/sh
    export PATH=/bin:/sbin:/usr/sbin
    for f in /vdb/*; do
      [ -f $f ] && dd if=/dev/urandom of=$f bs=$(wc -c <$f) count=1 conv=notrunc,fsync
    done
    dd if=/dev/urandom of=/dev/vdb bs=512K count=$(($(cat /sys/class/block/vdb/size) / 1024))
    sync; echo 3 >/proc/sys/vm/drop_caches
    """# + "\n"

  /// What udhcpc runs once it has an address.
  static let addressTaken = #"""
    #!/bin/sh
    [ "$1" = bound ] || exit 0
    ip addr flush dev $interface; ip addr add $ip/${mask:-24} dev $interface
    [ -n "$router" ] && ip route add default via $router
    echo "GUEST-ADDRESS $ip" >/dev/ttyS0
    """# + "\n"

  /// What the guest agent runs to switch the guest off.
  static let shutdown = #"""
    #!/bin/sh
    export PATH=/bin:/sbin:/usr/sbin
    sync; umount /vdb 2>/dev/null; mount -o remount,ro / 2>/dev/null
    case "$*" in *-r*) exec reboot -f;; *) exec poweroff -f;; esac
    """# + "\n"

  private static let kernelOptions = "console=ttyS0 quiet panic=5 tsc=unstable mitigations=off"

  /// The boot loader's instructions.
  static let bootLoader = """
    SERIAL 0 115200
    DEFAULT l
    PROMPT 0
    TIMEOUT 1
    LABEL l
     KERNEL vmlinuz
     INITRD initrd.gz
     APPEND \(kernelOptions)
    """ + "\n"

  /// What the shell of a UEFI firmware runs when no variable says what to boot: it notes that in
  /// the firmware's variables for the next time, and starts the kernel, which is an EFI program.
  ///
  /// To `bcfg` the option `0` is no number, but `0x0` is.
  static let firmwareScript = [
    "@echo -off", "fs0:", #"bcfg boot add 0 fs0:\vmlinuz "guest""#,
    #"bcfg boot -opt 0x0 fs0:\bootopts"#, #"vmlinuz initrd=\initrd.gz "# + kernelOptions,
  ].map { $0 + "\r\n" }.joined()

  /// What the kernel is told by the firmware's variables, and by nothing else: who was started by
  /// them says so.
  static let firmwareOptions = #"initrd=\initrd.gz \#(kernelOptions) \#(firmwareMark)"#

  /// Is on the page `boot` of a guest that was started as its firmware's variables say.
  static let firmwareMark = "started-by-nvram"

  /// The programs of busybox the scripts call.
  static let programs = [
    "awk", "cat", "cp", "date", "dd", "df", "grep", "hostname", "httpd", "ip", "ln", "ls", "mkdir",
    "mount", "mv", "poweroff", "ps", "reboot", "sed", "sh", "sleep", "sync", "tail", "udhcpc",
    "umount", "wc",
  ]

  /// Drivers, in the order they are loaded; those built into the kernel are skipped.
  static let drivers = [
    "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci_legacy_dev", "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk", "net/core/failover", "drivers/net/net_failover",
    "drivers/net/virtio_net", "drivers/char/virtio_console",
  ]

  /// What the web server offers, and the file behind it.
  static let pages = [
    "seq": "/data/seq", "vdb-seq": "/vdb/seq", "last": "/tmp/last",
    "found-seq": "/tmp/found-data", "found-vdb-seq": "/tmp/found-vdb", "boot": "/tmp/boot",
  ]
}
