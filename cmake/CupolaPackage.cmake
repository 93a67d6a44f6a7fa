# What is installed, and the Debian package: `./dev package`.
include(GNUInstallDirs)
install(TARGETS cupola RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY stagers scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/cupola USE_SOURCE_PERMISSIONS)
install(DIRECTORY lua/types DESTINATION ${CMAKE_INSTALL_DATADIR}/cupola/lua)
install(DIRECTORY packaging/systemd/ DESTINATION lib/systemd/system)
install(DIRECTORY packaging/etc/ DESTINATION /etc/cupola)
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)

# Man pages and shell completion are what the program itself says.
set(manual ${CMAKE_BINARY_DIR}/manual)
add_custom_command(
  OUTPUT ${manual}/cupola.1.gz ${manual}/completion.bash ${manual}/completion.zsh ${manual}/completion.fish
  COMMAND ${CMAKE_SOURCE_DIR}/packaging/manual.py $<TARGET_FILE:cupola> ${manual}
  COMMAND $<TARGET_FILE:cupola> completion bash >${manual}/completion.bash
  COMMAND $<TARGET_FILE:cupola> completion zsh >${manual}/completion.zsh
  COMMAND $<TARGET_FILE:cupola> completion fish >${manual}/completion.fish
  DEPENDS cupola packaging/manual.py core/proto/config.proto)
add_custom_target(manual DEPENDS ${manual}/cupola.1.gz)
install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL FILES_MATCHING PATTERN "*.1.gz")
install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 OPTIONAL FILES_MATCHING PATTERN "*.5.gz")
set(share ${CMAKE_INSTALL_DATADIR})
install(FILES ${manual}/completion.bash DESTINATION ${share}/bash-completion/completions RENAME cupola OPTIONAL)
install(FILES ${manual}/completion.zsh DESTINATION ${share}/zsh/vendor-completions RENAME _cupola OPTIONAL)
install(FILES ${manual}/completion.fish DESTINATION ${share}/fish/vendor_completions.d RENAME cupola.fish OPTIONAL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME cupola)
set(CPACK_PACKAGE_CONTACT "The Cupola authors <cupola@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "platform as a service, and the simulator that breaks it")
set(CPACK_PACKAGE_DESCRIPTION "The Cloud Foundry kernel of 2011 as pure state machines: message bus, router, cloud
controller, DEA and health manager, wire compatible, self-healing; and a deterministic simulator that runs the same
machines, injects failures and checks that they heal.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, util-linux")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "bubblewrap, python3")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "runc | crun, postgresql, nodejs, ruby, php-cli, default-jre-headless")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm)
list(TRANSFORM CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA PREPEND ${CMAKE_SOURCE_DIR}/)
include(CPack)
