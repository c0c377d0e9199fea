# SPDX-License-Identifier: MIT
# packaging/local.mk: what distributions start from, and the gate of a release.
# debian/ is not in the tarball: Debian keeps a debian/ of its own.

EXTRA_DIST += \
	luatcp-$(PACKAGE_VERSION)-1.rockspec \
	packaging/beside.sh \
	packaging/check-packages \
	packaging/luatcp.spec \
	packaging/rpmlint.toml

# All of it, distcheck included; make release-check PARTS="dist deb" only those.
release-check:
	$(SHELL) $(srcdir)/packaging/check-packages $(PARTS)

.PHONY: release-check
