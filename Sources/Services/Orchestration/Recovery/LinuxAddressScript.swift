// Copyright the Understudy authors
// SPDX-License-Identifier: Apache-2.0

/// What runs in a Linux guest to set a card's addresses.
///
/// It is for any POSIX shell. Arguments: MAC address; address with prefix length, or `dhcp`;
/// gateway; name servers; domain. The last three may be empty. It leaves the setting with whatever
/// looks after the card, and says so by `kept by …`; without such a one it sets the card itself,
/// until the guest is started anew. It may run again.
enum LinuxAddressScript {
  static let text = #"""
    mac=$1 address=$2 gateway=$3 servers=$4 suffix=$5
    PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH
    fail() { echo "$1"; exit 1; }
    have() { command -v "$1" >/dev/null 2>&1; }

    card=
    for file in /sys/class/net/*/address; do
      device=${file%/address}
      # Bridges and bonds have the addresses of their cards, but are no devices.
      [ -e "$device/device" ] || continue
      [ "$(cat "$file")" = "$mac" ] && card=${device##*/}
    done
    [ -n "$card" ] || fail "no network card of the guest has the address $mac"

    write_resolver() {
      [ -n "$servers" ] || return 0
      # A link is somebody else's, who is told in another way.
      [ -L /etc/resolv.conf ] && return 0
      { [ -z "$suffix" ] || echo "search $suffix"
        for server in $servers; do echo "nameserver $server"; done
      } >/etc/resolv.conf || fail "/etc/resolv.conf cannot be written"
    }

    by_network_manager() {
      name=understudy-$card
      nmcli -t connection delete "$name" >/dev/null 2>&1
      if [ "$address" = dhcp ]; then
        set -- ipv4.method auto
      else
        set -- ipv4.method manual ipv4.addresses "$address"
        [ -z "$gateway" ] || set -- "$@" ipv4.gateway "$gateway"
      fi
      [ -z "$servers" ] || set -- "$@" ipv4.dns "$servers"
      [ -z "$suffix" ] || set -- "$@" ipv4.dns-search "$suffix"
      nmcli connection add type ethernet con-name "$name" ifname "$card" \
        connection.autoconnect-priority 999 "$@" || exit 1
      nmcli connection up "$name" || exit 1
      kept=NetworkManager
    }

    by_networkd() {
      mkdir -p /etc/systemd/network
      # The first file in the order of names that fits a card is the only one.
      { echo "[Match]"; echo "MACAddress=$mac"; echo "Type=ether"; echo "[Network]"
        if [ "$address" = dhcp ]; then
          echo "DHCP=ipv4"
        else
          echo "Address=$address"
          [ -z "$gateway" ] || echo "Gateway=$gateway"
        fi
        for server in $servers; do echo "DNS=$server"; done
        [ -z "$suffix" ] || echo "Domains=$suffix"
      } >"/etc/systemd/network/00-understudy-$card.network" ||
        fail "networkd's file cannot be written"
      networkctl reload || exit 1
      networkctl reconfigure "$card" || exit 1
      write_resolver
      kept=systemd-networkd
    }

    by_ifupdown() {
      ifdown --force "$card" >/dev/null 2>&1
      file=/etc/network/interfaces.d/understudy-$card
      mkdir -p /etc/network/interfaces.d
      for old in /etc/network/interfaces /etc/network/interfaces.d/*; do
        [ -f "$old" ] && [ "$old" != "$file" ] || continue
        # Without what is said of the card there; words about other cards stay.
        awk -v card="$card" '
          $1 ~ /^(iface|auto|allow-.*|mapping|source|source-directory)$/ { skip = 0 }
          $1 == "iface" && $2 == card && $3 == "inet" { skip = 1 }
          ($1 == "auto" || $1 == "allow-hotplug") && NF == 2 && $2 == card { next }
          !skip' "$old" >"$old.understudy-new" || fail "$old cannot be changed"
        if cmp -s "$old" "$old.understudy-new"; then
          rm "$old.understudy-new"
        else
          cp "$old" "/etc/network/before-understudy-${old##*/}"
          cat "$old.understudy-new" >"$old" && rm "$old.understudy-new"
        fi
      done
      grep -q "^source.*interfaces\.d" /etc/network/interfaces 2>/dev/null ||
        echo "source /etc/network/interfaces.d/*" >>/etc/network/interfaces
      { echo "auto $card"
        if [ "$address" = dhcp ]; then
          echo "iface $card inet dhcp"
        else
          echo "iface $card inet static"
          echo "  address $address"
          [ -z "$gateway" ] || echo "  gateway $gateway"
        fi
        [ -z "$servers" ] || echo "  dns-nameservers $servers"
        [ -z "$suffix" ] || echo "  dns-search $suffix"
      } >"$file" || fail "$file cannot be written"
      ifup "$card" || exit 1
      [ "$address" = dhcp ] || write_resolver
      kept=ifupdown
    }

    by_hand() {
      [ "$address" != dhcp ] || fail "nothing was found in the guest that asks a DHCP server"
      ip addr flush dev "$card" && ip link set dev "$card" up &&
        ip addr add "$address" dev "$card" || exit 1
      if [ -n "$gateway" ]; then
        ip route del default 2>/dev/null
        ip route add default via "$gateway" dev "$card" || exit 1
      fi
      write_resolver
    }

    kept=
    if have nmcli && [ "$(nmcli -t -f RUNNING general 2>/dev/null)" = running ]; then
      by_network_manager
    elif have networkctl && [ -d /run/systemd/netif ]; then
      by_networkd
    elif have ifup && [ -f /etc/network/interfaces ]; then
      by_ifupdown
    else
      by_hand
    fi
    if [ "$address" != dhcp ]; then
      tries=0
      until ip -4 addr show dev "$card" | grep -qF "inet $address "; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || fail "the card $card has not got the address $address"
        sleep 1
      done
    fi
    [ -z "$kept" ] || echo "kept by $kept"
    """# + "\n"
}
